import { createRequire } from 'node:module';
import { tooLarge, type Packer } from './packer.js';

const require = createRequire(import.meta.url);
let library: typeof import('lz4-napi') | undefined;

function load(): typeof import('lz4-napi') {
  return (library ??= require('lz4-napi') as typeof import('lz4-napi'));
}

/** LZ4 frames of independent blocks, as Kafka asks for. Blocks that refer to each other are read too. */
export const lz4: Packer = {
  compress: (bytes) => load().compressFrameSync(bytes),
  decompress: (bytes, maxBytes) => {
    if (largestOutput(bytes) > maxBytes) throw tooLarge(maxBytes);
    return load().decompressFrameSync(bytes);
  },
};

const MAGIC = 0x184d_2204;
const FLAG = { dictionary: 0x01, contentChecksum: 0x04, contentSize: 0x08, blockChecksums: 0x10 };
const UNCOMPRESSED = 0x8000_0000;
/** A byte of a block stands for 255 bytes at most. */
const RATIO = 255;

/**
 * Bytes that a frame can unpack to at most, told by its blocks as if each were full: the library knows no limit.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
function largestOutput(frame: Buffer): number {
  if (frame.length < 7 || frame.readUInt32LE(0) !== MAGIC) throw new Error('it does not begin as an LZ4 frame');
  const flags = frame[4]!;
  const blockBytes = 2 ** (8 + 2 * ((frame[5]! >> 4) & 7));
  let output = 0;
  let position = 7 + (flags & FLAG.contentSize ? 8 : 0) + (flags & FLAG.dictionary ? 4 : 0);
  for (;;) {
    if (position + 4 > frame.length) throw new Error('its LZ4 frame has no end');
    const word = frame.readUInt32LE(position);
    position += 4;
    if (word === 0) break;
    const size = word % UNCOMPRESSED;
    output += word >= UNCOMPRESSED ? size : Math.min(blockBytes, RATIO * size);
    position += size + (flags & FLAG.blockChecksums ? 4 : 0);
  }
  if (flags & FLAG.contentChecksum) position += 4;
  if (position !== frame.length) throw new Error(`its LZ4 frame ends at byte ${position} of ${frame.length}`);
  return output;
}
