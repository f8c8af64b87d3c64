import { gunzipSync, gzipSync } from 'node:zlib';
import { bounded, type Packer } from './packer.js';

const CHUNK_BYTES = 64 * 1024;

export const gzip: Packer = {
  compress: (bytes) => gzipSync(bytes, { chunkSize: CHUNK_BYTES }),
  decompress: (bytes, maxBytes) => bounded(maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize: CHUNK_BYTES })),
};
