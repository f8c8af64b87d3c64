/**
 * Logs of a run through pino.
 * @module millrace/logs
 */
export { pinoLogger, type PinoLike } from './pino-logger.js';
