import { gzipSync } from 'node:zlib';
import { Encoder } from '@toondepauw/node-zstd';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { COMPRESSION_IDS } from '../format.js';
import { compress, decompress } from './index.js';

const MAX = 8 << 20;
/** What an unfinished block could hold counts as a whole one. */
const BLOCK = { lz4: 4 << 20, zstd: 128 << 10 };
const { gzip, snappy, lz4, zstd } = COMPRESSION_IDS;

const text = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `line ${(i * 7919) % 1000}\n`).join(''));
/** What does not shrink. */
const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => Math.imul(i ^ (i >>> 3), 0x9e3779b1) >>> 24));
const inputs = [Buffer.from('a'), text, noise, Buffer.concat([text, noise, text])];

/** As Java's clients frame it: chunks of this size. */
function xerial(bytes: Buffer, chunkSize: number): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])];
  for (let start = 0; start < bytes.length; start += chunkSize) {
    const chunk = compressSync(bytes.subarray(start, start + chunkSize));
    const size = Buffer.alloc(4);
    size.writeInt32BE(chunk.length);
    parts.push(size, chunk);
  }
  return Buffer.concat(parts);
}

const packers: [name: string, id: number, pack: (bytes: Buffer) => Buffer, slack: number][] = [
  ['gzip', gzip, (bytes) => compress('gzip', bytes), 0],
  ['gzip in two members', gzip, (bytes) => Buffer.concat([gzipSync(bytes.subarray(0, 1)), gzipSync(bytes.subarray(1))]), 0],
  ['snappy as a raw block', snappy, (bytes) => compressSync(bytes), 0],
  ['snappy as Java frames it', snappy, (bytes) => xerial(bytes, 32 * 1024), 0],
  ['lz4', lz4, (bytes) => compress('lz4', bytes), BLOCK.lz4],
  ['lz4 with checksums', lz4, (bytes) => compressFrameSync(bytes, { blockChecksums: true, contentChecksum: true }), BLOCK.lz4],
  ['zstd', zstd, (bytes) => compress('zstd', bytes), BLOCK.zstd],
  ['zstd by the library, at another level', zstd, (bytes) => new Encoder(19).encodeSync(bytes), 16 * BLOCK.zstd],
];

describe.each(packers)('%s', (_name, id, pack, slack) => {
  it('comes out as it went in', () => {
    for (const input of inputs) expect(decompress(id, pack(input), MAX).equals(input)).toBe(true);
  });

  it('may be as large as is allowed, and no larger', () => {
    const packed = pack(noise.subarray(0, 131_072));
    expect(decompress(id, packed, 131_072 + slack)).toHaveLength(131_072);
    expect(() => decompress(id, packed, 131_071)).toThrow('it unpacks to more than the 131071 bytes that are allowed');
  });

  it('does not blow up', () => {
    const bomb = pack(Buffer.alloc(40 << 20));
    expect(bomb.length).toBeLessThan(6 << 20);
    const before = process.memoryUsage().rss;
    expect(() => decompress(id, bomb, MAX)).toThrow(`it unpacks to more than the ${MAX} bytes`);
    expect(process.memoryUsage().rss - before).toBeLessThan(30 << 20);
  });

  it('is refused where its end is missing', () => {
    const packed = pack(text);
    for (const length of [1, 3, 10, 17, packed.length >> 1, packed.length - 1]) expect(() => decompress(id, packed.subarray(0, length), MAX)).toThrow(Error);
  });
});

describe('a size that is a lie', () => {
  it('of a block of Snappy is not made room for', () => {
    expect(() => decompress(snappy, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]), MAX)).toThrow('it unpacks to more than');
    expect(() => decompress(snappy, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), MAX)).toThrow('does not say how large it is');
  });

  it('of a chunk is refused', () => {
    const framed = xerial(text, 32 * 1024);
    for (const size of [-1, framed.length, 2 ** 31 - 1]) {
      framed.writeInt32BE(size, 16);
      expect(() => decompress(snappy, framed, MAX)).toThrow('its Snappy frame is cut off');
    }
  });

  it('of the last block of LZ4 is refused', () => {
    const packed = compress('lz4', Buffer.from('abc'));
    packed.writeUInt32LE(0x7fff_ffff, 7);
    expect(() => decompress(lz4, packed, MAX)).toThrow('its LZ4 frame has no end');
    expect(() => decompress(lz4, Buffer.concat([compress('lz4', text), Buffer.of(0)]), MAX)).toThrow(/its LZ4 frame ends at byte \d+ of \d+/);
  });
});

it('says which compressions are known', () => {
  expect(() => decompress(7, text, MAX)).toThrow('it is packed with compression 7, which is not known; known are gzip, snappy, lz4 and zstd');
});
