import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frames } from './frames.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

const written = (write: (writer: Writer) => void): Buffer => {
  const writer = new Writer(8);
  write(writer);
  return Buffer.concat(writer.frame());
};

describe('primitive types of the protocol', () => {
  it('come out as they went in', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer(), fc.nat(2 ** 31 - 1), text, fc.option(text), fc.uint8Array({ maxLength: 300 }), fc.array(text, { maxLength: 8 }), (int64, int32, unsigned, string, nullable, bytes, array) => {
        const reader = new Reader(
          written((writer) => {
            writer.int64(int64).int32(int32).unsignedVarint(unsigned).string(string).bytes(bytes).nullableString(nullable);
            writer.array(array, (item) => writer.compactString(item)).compactArray(array, (item) => writer.string(item)).compactNullableString(nullable).tags();
          }),
        );
        expect(reader.int32()).toBe(reader.remaining);
        expect([reader.int64(), reader.int32(), reader.unsignedVarint(), reader.string()]).toEqual([int64, int32, unsigned, string]);
        expect(reader.bytes().equals(bytes)).toBe(true);
        expect(reader.nullableString()).toBe(nullable);
        expect([reader.array(() => reader.compactString()), reader.compactArray(() => reader.string())]).toEqual([array, array]);
        expect(reader.compactNullableString()).toBe(nullable);
        reader.tags();
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  it('are those of Java at their bounds', () => {
    const bytes = written((writer) => writer.int64(-1).int64(Number.MIN_SAFE_INTEGER).int64(Number.MAX_SAFE_INTEGER));
    expect([bytes.readBigInt64BE(4), bytes.readBigInt64BE(12), bytes.readBigInt64BE(20)]).toEqual([-1n, BigInt(Number.MIN_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER)]);
    expect(() => new Reader(Buffer.from('0020000000000000', 'hex')).int64()).toThrow('9007199254740992 is beyond the integers');
  });

  it('passes over tagged fields that it does not know', () => {
    const reader = new Reader(Buffer.of(2, 0, 3, 1, 2, 3, 7, 0, 42));
    reader.tags();
    expect(reader.int8()).toBe(42);
  });

  it.each([
    ['an array longer than what is left', [0x7f, 0xff, 0xff, 0xff, 0], (reader: Reader) => reader.array(() => reader.tags())],
    ['bytes longer than what is left', [0, 0, 0, 2, 0], (reader: Reader) => reader.bytes()],
    ['a varint without an end', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], (reader: Reader) => reader.unsignedVarint()],
    ['a null string where none may be', [0xff, 0xff], (reader: Reader) => reader.string()],
  ])('refuses %s', (_, bytes, read) => {
    expect(() => read(new Reader(Buffer.from(bytes)))).toThrow(RangeError);
  });

  it('takes large bytes over without a copy', () => {
    const bytes = Buffer.alloc(1_000_000);
    expect(new Writer().string('t').bytes(bytes).int8(1).frame()).toContain(bytes);
  });
});

describe('frames', () => {
  it('are the same however the stream is cut, and keep nothing of it', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 4, max: 20 }), fc.integer({ min: 4000, max: 9000 })), { maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }), (lengths, cuts) => {
        const sent = lengths.map((length, i) => Buffer.alloc(length, i + 1));
        const stream = Buffer.concat(sent.flatMap((frame) => [Buffer.from(new Uint32Array([frame.length]).buffer).swap32(), frame]));
        const got: Buffer[] = [];
        const frames = new Frames((frame) => got.push(frame));
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const length = Math.min(cuts[cut % cuts.length] ?? 1, stream.length - at);
          const chunk = Buffer.from(stream.subarray(at, at + length));
          frames.push(chunk);
          chunk.fill(0xee); // as a socket's buffer is written again
          at += length;
        }
        expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
        expect(got.map(({ length }) => length)).toEqual(lengths);
      }),
    );
  });
});
