export type { AbortedTransaction } from './aborted-producers.js';
export { BatchBuilder, reseal, type BatchIdentity, type SealOptions } from './batch-builder.js';
export type { Compression } from './compression/index.js';
export { decodeRecordSet, type DecodedRecordSet, type DecodeOptions } from './decode-record-set.js';
