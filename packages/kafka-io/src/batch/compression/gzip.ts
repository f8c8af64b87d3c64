import { gunzipSync, gzipSync } from 'node:zlib';
import type { Packer } from './compression.js';
import { tooLarge } from './too-large.js';

const CHUNK_BYTES = 64 * 1024;

export const gzip: Packer = {
  compress: (bytes) => gzipSync(bytes, { chunkSize: CHUNK_BYTES }),
  decompress: (bytes, maxBytes) => bounded(maxBytes, () => gunzipSync(bytes, { maxOutputLength: maxBytes, chunkSize: CHUNK_BYTES })),
};

/** Gives the error of Node's own `maxOutputLength` our words. */
export function bounded(maxBytes: number, decompress: () => Buffer): Buffer {
  try {
    return decompress();
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw error;
  }
}
