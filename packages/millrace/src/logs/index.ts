export { pinoLogger, type PinoLike } from './pino-logger.js';
