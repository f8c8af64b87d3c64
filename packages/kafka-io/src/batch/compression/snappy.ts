import { createRequire } from 'node:module';
import { tooLarge, type Packer } from './packer.js';

const require = createRequire(import.meta.url);
let library: typeof import('snappy') | undefined;

function load(): typeof import('snappy') {
  return (library ??= require('snappy') as typeof import('snappy'));
}

/** What the Java library of Snappy puts before its chunks, each a length of four bytes and a raw block; two versions follow it. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEADER_BYTES = XERIAL.length + 8;

/** Snappy as Java's clients frame it, or as a raw block. Read alone: whoever writes chooses lz4 or zstd. */
export const snappy: Pick<Packer, 'decompress'> = {
  decompress: (bytes, maxBytes) => {
    const blocks = bytes.subarray(0, XERIAL.length).equals(XERIAL) ? chunksOf(bytes) : [bytes];
    if (blocks.reduce((sum, block) => sum + outputSize(block), 0) > maxBytes) throw tooLarge(maxBytes);
    const { uncompressSync } = load();
    const outputs = blocks.map((block) => uncompressSync(block, { asBuffer: true }) as Buffer);
    return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs);
  },
};

function chunksOf(frame: Buffer): Buffer[] {
  if (frame.length < XERIAL_HEADER_BYTES) throw new Error('its Snappy frame is cut off');
  const chunks: Buffer[] = [];
  for (let position = XERIAL_HEADER_BYTES; position < frame.length;) {
    const start = position + 4;
    const size = start > frame.length ? NaN : frame.readInt32BE(position);
    if (!(size >= 0 && size <= frame.length - start)) throw new Error('its Snappy frame is cut off');
    position = start + size;
    chunks.push(frame.subarray(start, position));
  }
  return chunks;
}

/**
 * Bytes that a raw block says that it unpacks to, which the library makes room for before it looks at the rest.
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
function outputSize(block: Buffer): number {
  let size = 0;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) break;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size;
  }
  throw new Error('a block of Snappy does not say how large it is');
}
