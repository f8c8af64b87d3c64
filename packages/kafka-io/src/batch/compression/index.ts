export { compress, decompress, type Compression } from './compression.js';
