export { encodingOf, type Encoding } from './encoding.js';
export { formatOf } from './format.js';
export { SINGLE_OBJECT, type Framing } from './framing.js';
