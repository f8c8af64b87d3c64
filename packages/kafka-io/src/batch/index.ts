export { BatchBuilder, reseal, type BatchIdentity } from './batch-builder.js';
export type { Compression } from './compression/index.js';
export { decodeRecordSet, type DecodeOptions } from './decode-record-set.js';
export { laidOut, NULL_VALUE } from './laid-out.js';
