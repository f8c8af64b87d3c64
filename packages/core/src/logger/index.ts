export { silentLogger, stderrLogger, type Logger } from './logger.js';
