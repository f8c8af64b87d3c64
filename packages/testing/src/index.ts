export { SettableClock } from './clock/index.js';
