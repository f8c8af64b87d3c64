import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { bounded, tooLarge, type Packer } from './packer.js';

/** What zlib offers from Node 22.15 on. */
interface ZlibWithZstd {
  readonly zstdCompressSync?: (bytes: Buffer) => Buffer;
  readonly zstdDecompressSync?: (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;
}

const { zstdCompressSync, zstdDecompressSync } = zlib as ZlibWithZstd;
/** Zstandard's own default, and that of Kafka's clients. */
const LEVEL = 3;

const require = createRequire(import.meta.url);
let library: typeof import('@toondepauw/node-zstd') | undefined;

function load(): typeof import('@toondepauw/node-zstd') {
  return (library ??= require('@toondepauw/node-zstd') as typeof import('@toondepauw/node-zstd'));
}

/** Zstandard by Node where it has it, else by a library. */
export const zstd: Packer = {
  compress: (bytes) => (zstdCompressSync ? zstdCompressSync(bytes) : new (load().Encoder)(LEVEL).encodeSync(bytes)),
  decompress: (bytes, maxBytes) => {
    if (zstdDecompressSync) return bounded(maxBytes, () => zstdDecompressSync(bytes, { maxOutputLength: maxBytes }));
    if (largestOutput(bytes) > maxBytes) throw tooLarge(maxBytes);
    return new (load().Decoder)().decodeSync(bytes);
  },
};

const MAGIC = 0xfd2f_b528;
const SINGLE_SEGMENT = 0x20;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const RLE = 1;
const COMPRESSED = 2;
/** What a block unpacks to at most. */
const BLOCK_BYTES = 128 * 1024;

/**
 * Bytes that frames can unpack to at most, told by their blocks, each of which may hold 128 KiB and often holds less: the library
 * knows no limit, and what a frame says of its own size is not to be trusted.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
 */
function largestOutput(frames: Buffer): number {
  let output = 0;
  let position = 0;
  do {
    if (position + 5 > frames.length || frames.readUInt32LE(position) !== MAGIC) throw new Error('it does not begin as a Zstandard frame');
    const descriptor = frames[position + 4]!;
    const isSingleSegment = (descriptor & SINGLE_SEGMENT) !== 0;
    const contentSizeFlag = descriptor >> 6;
    const contentSizeBytes = contentSizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[contentSizeFlag]!;
    position += 5 + (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSizeBytes;
    let isLast = false;
    while (!isLast) {
      if (position + 3 > frames.length) throw new Error('its Zstandard frame has no end');
      const block = frames.readUIntLE(position, 3);
      isLast = (block & 1) === 1;
      const type = (block >> 1) & 3;
      const size = block >> 3;
      output += type === COMPRESSED ? BLOCK_BYTES : size;
      position += 3 + (type === RLE ? 1 : size);
    }
    if (descriptor & CONTENT_CHECKSUM) position += 4;
  } while (position < frames.length);
  return output;
}
