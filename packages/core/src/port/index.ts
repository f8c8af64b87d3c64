export { DeadLetter } from './dead-letter.js';
export type { Entry, Headers } from './entry.js';
export { InputPort, type EntryOptions } from './input-port.js';
export { OutputPort, type SendOptions } from './output-port.js';
