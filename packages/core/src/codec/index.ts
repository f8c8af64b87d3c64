export { avro } from './avro.js';
export { MAX_SCHEMA_BYTES } from './avro/limits.js';
export type { AvroSchema } from './avro/parse.js';
export { encodeToBuffer, type Codec, type Decoder, type RecordOf, type ValueProblem, type WriterSchema } from './codec.js';
export { json } from './json.js';
export { firstInvalid } from './first-invalid.js';
export { jsonFormOf } from './json-form.js';
export { bytes, text } from './plain.js';
export { haveSameValues, incompatibilities, parseWriterSchema } from './writer-schema.js';
