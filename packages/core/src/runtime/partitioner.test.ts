import { describe, expect, it } from 'vitest';
import { KeyCache, murmur2, partitionOf } from './partitioner.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('murmur2', () => {
  // The cases of UtilsTest.testMurmur2 in Apache Kafka.
  it.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('of %j is what the Java client of Kafka computes', (text, hash) => {
    expect(murmur2(bytes(text))).toBe(hash);
  });

  it('reads bytes above 127 as unsigned', () => {
    expect(murmur2(Uint8Array.of(0xff, 0xfe, 0x80, 0x81, 0xc3))).toBe(murmur2(Buffer.from([0xff, 0xfe, 0x80, 0x81, 0xc3])));
    expect(murmur2(Uint8Array.of(0xff, 0, 0, 0))).not.toBe(murmur2(Uint8Array.of(0x7f, 0, 0, 0)));
  });

  it('depends on the bytes alone, wherever they lie in a buffer', () => {
    const buffer = Buffer.from('..foobar..');
    expect(murmur2(buffer.subarray(2, 8))).toBe(-790_332_482);
  });
});

describe('the partition of a key', () => {
  it('is the hash without its sign, modulo the partitions', () => {
    expect(partitionOf(bytes('foobar'), 1_000)).toBe((-790_332_482 & 0x7fff_ffff) % 1_000);
    expect(partitionOf(bytes('abc'), 7)).toBe(479_470_107 % 7);
    expect(partitionOf(new Uint8Array(0), 1)).toBe(0);
  });

  it('lies within the partitions, and uses all of them', () => {
    const seen = new Set(Array.from({ length: 1_000 }, (_, i) => partitionOf(bytes(`key ${i}`), 12)));
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });
});

describe('the cache of keys', () => {
  it('gives the UTF-8 of a text, the same bytes again', () => {
    const cache = new KeyCache();
    expect(cache.get('größe 🌍')).toEqual(bytes('größe 🌍'));
    expect(cache.get('größe 🌍')).toBe(cache.get('größe 🌍'));
  });

  it('does not grow without end', () => {
    const cache = new KeyCache();
    const first = cache.get('key 0');
    for (let i = 0; i < 10_000; i++) cache.get(`key ${i}`);
    expect(cache.get('key 0')).not.toBe(first);
  });
});
