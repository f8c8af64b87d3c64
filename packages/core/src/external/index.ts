export { encodingOf, type Encoding } from './encoding.js';
export { formatOf } from './format.js';
export { CONFLUENT, SINGLE_OBJECT, singleObjectHeader, type Framing } from './framing.js';
export { SchemaRegistry } from './registry.js';
