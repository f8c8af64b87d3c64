import { text, TOMBSTONE, type OutgoingValues } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { latin1, outgoing, recordsOf, withChecksum } from './fixtures.js';
import { AT } from './format.js';
import { BatchBuilder, decodeRecordSet, reseal, type Compression, type DecodeOptions } from './index.js';

const NOBODY = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false };
const OPTIONS: DecodeOptions = { topic: 't', partition: 0, from: 0, framing: 'none', isolation: 'read_committed' };

const value = (content: string) => ({ value: Buffer.from(content) });
const valuesOf = (sealed: Uint8Array) => recordsOf(decodeRecordSet(sealed, OPTIONS).batches).map((record) => record.value);

describe('a batch builder', () => {
  it('takes values of every length around the places where it goes another way', () => {
    const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 50, 51, 52, 53, 54, 55, 56, 57, 63, 64, 65, 127, 128, 157, 158, 159, 160, 161, 162, 163, 8180, 8190, 8191, 8192, 8200, 1_048_570, 1_048_580];
    const records = lengths.map((length) => ({ value: Buffer.from(Array.from({ length }, (_, i) => i * 7 + length)) }));
    const builder = new BatchBuilder(8 << 20);
    expect(builder.append(outgoing(records, 1000), 0)).toBe(records.length);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(records.map((record) => latin1(record.value)));
  });

  it.each([['plain', {}], ['with keys', { key: Buffer.from('k') }]])('stops at its bytes and goes on from there: %s', (_name, more) => {
    const records = Array.from({ length: 1000 }, (_, i) => ({ ...value(`value ${i}`), ...more }));
    const batch = outgoing(records, 1000);
    const builder = new BatchBuilder(2000);
    const read: (string | undefined)[] = [];
    let from = 0;
    while (from < batch.values.length) {
      builder.reset();
      expect(builder).toMatchObject({ count: 0, full: false });
      const next = builder.append(batch, from);
      const sealed = builder.seal(NOBODY);
      expect(builder).toMatchObject({ count: next - from, size: sealed.length, full: next < batch.values.length });
      expect(sealed.length).toBeLessThanOrEqual(2000);
      if (next < batch.values.length) expect(sealed.length).toBeGreaterThan(1950);
      read.push(...valuesOf(sealed));
      from = next;
    }
    expect(read).toEqual(records.map((record) => latin1(record.value)));
  });

  it.each([['plain', {}], ['with headers', { headers: [] }]])('takes one record that is too large, and no second: %s', (_name, more) => {
    const batch = outgoing([{ ...value('x'.repeat(5000)), ...more }, { ...value('y'), ...more }], 1000);
    const builder = new BatchBuilder(100);
    expect(builder.append(batch, 0)).toBe(1);
    expect(builder.full).toBe(true);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['x'.repeat(5000)]);
    expect(builder.append(batch, 1)).toBe(1);
    builder.reset();
    expect(builder.append(batch, 1)).toBe(2);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['y']);
  });

  it('takes nothing of an empty batch, and nothing behind the end', () => {
    const builder = new BatchBuilder(1000);
    expect(builder.append(outgoing([], 1000), 0)).toBe(0);
    expect(builder.append(outgoing([value('a')], 1000), 1)).toBe(1);
    expect(builder).toMatchObject({ count: 0, full: false });
  });

  it('puts the prefix before every value but a tombstone, with keys and without', () => {
    const builder = new BatchBuilder(1000);
    const prefix = Buffer.from('>>');
    builder.append(outgoing([value('a'), { value: undefined }, value('')], 1000), 0, prefix);
    builder.append(outgoing([{ ...value('a'), key: Buffer.from('k') }, { value: undefined, key: Buffer.from('k') }], 1000), 0, prefix);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['>>a', undefined, '>>', '>>a', undefined]);
  });

  it('keeps each timestamp, and has the highest in its header', () => {
    const builder = new BatchBuilder(1000);
    builder.append(outgoing([value('a'), value('b')], 5000), 0);
    builder.append(outgoing([value('c')], 3_000_000_000_000), 0);
    builder.append(outgoing([{ ...value('d'), timestamp: 0 }, { ...value('e'), timestamp: 6000.7 }, value('f')], 7000), 0);
    builder.append(outgoing([value('g')], 4000), 0);
    const sealed = Buffer.from(builder.seal(NOBODY));
    expect(recordsOf(decodeRecordSet(sealed, OPTIONS).batches).map((record) => record.timestamp)).toEqual([5000, 5000, 3_000_000_000_000, 0, 6000, 7000, 4000]);
    expect([sealed.readBigInt64BE(AT.baseTimestamp), sealed.readBigInt64BE(AT.maxTimestamp)]).toEqual([5000n, 3_000_000_000_000n]);
  });

  it.each([200, 5000, 1 << 20])('has values encoded in their places as if they had come encoded, in batches of %i bytes', (maxBytes) => {
    const sizes = [3, 60, 61, 62, 63, 64, 65, 0, 120, 130, 8_150, 8_191, 8_192, 8_200, 1, 100_000, 2, 64, 20_000, 63];
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(sizes[i % sizes.length]! + (i % 7), 'x'));
    const records = { ...outgoing(texts.map((text, i) => ({ ...value(text), ...(i % 3 === 0 ? { key: Buffer.from(text.slice(0, 70)), headers: [['name', Buffer.from(text.slice(0, 5))] as const] } : {}) })), 1000), values: texts, encoding: text() };
    const laid = outgoing(texts.map((text, i) => ({ ...value(text), key: records.keys?.[i], headers: records.headers?.[i] })), 1000);
    const [ours, theirs] = [new BatchBuilder(maxBytes), new BatchBuilder(maxBytes)];
    for (let from = 0; from < texts.length; ) {
      ours.reset();
      theirs.reset();
      const next = ours.append(records, from, Buffer.from('>'));
      expect(theirs.append(laid, from, Buffer.from('>'))).toBe(next);
      const taken = texts.slice(from, next);
      expect(ours.valueBytes).toBe(taken.join('').length);
      expect(ours.largest).toBe(Math.max(...taken.map((each, i) => each.length + ((from + i) % 3 === 0 ? Math.min(each.length, 70) + 4 + Math.min(each.length, 5) : 0))));
      expect(Buffer.compare(ours.seal(NOBODY), theirs.seal(NOBODY))).toBe(0);
      from = next;
    }
  });

  it('takes nothing of a batch where a value throws, wherever that is', () => {
    const builder = new BatchBuilder(1 << 20);
    builder.append(outgoing([value('a'), { ...value('b'), key: Buffer.from('k') }], 1000), 0);
    const before = Buffer.from(builder.seal(NOBODY));
    const refusing: OutgoingValues['encoding'] = { encode: (each, buffer, position) => (each === '' ? expect.fail('refused') : text().encode(each as string, buffer, position)) };
    expect(() => builder.append({ ...outgoing([], 9000), values: ['x', TOMBSTONE], encoding: text() }, 0)).toThrow('MILLRACE_VALUE_INVALID');
    for (const count of [0, 1, 5000]) {
      const values = [...Array.from({ length: count }, () => 'x'.repeat(100)), ''];
      expect(() => builder.append({ ...outgoing([], 9000), values, encoding: refusing }, 0)).toThrow('refused');
      expect(Buffer.compare(builder.seal(NOBODY), before)).toBe(0);
    }
    builder.append(outgoing([value('c')], 1000), 0);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['a', 'b', 'c']);
  });

  it('goes back to a mark, and gives the memory of a giant record back', () => {
    const builder = new BatchBuilder(1000);
    builder.append(outgoing([value('a'), value('bcd')], 1000), 0);
    const before = Buffer.from(builder.seal(NOBODY));
    const mark = builder.mark();
    expect(builder.append(outgoing([value('e'.repeat(500)), value('f'.repeat(500))], 2000), 0)).toBe(1);
    builder.rewind(mark);
    expect(builder).toMatchObject({ count: 2, full: false, valueBytes: 4, largest: 3 });
    expect(Buffer.compare(builder.seal(NOBODY), before)).toBe(0);
    builder.append(outgoing([value('g')], 1000), 0);
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['a', 'bcd', 'g']);
    const empty = new BatchBuilder(1000);
    const start = empty.mark();
    empty.append(outgoing([value('x'.repeat(200_000))], 1000), 0);
    empty.rewind(start);
    empty.append(outgoing([value('y')], 5), 0);
    const sealed = empty.seal(NOBODY);
    expect([valuesOf(sealed), sealed.buffer.byteLength < 50_000]).toEqual([['y'], true]);
  });

  it.each([-1, Infinity, -Infinity, 2 ** 53])('refuses the timestamp %s', (timestamp) => {
    const builder = new BatchBuilder(1000);
    builder.append(outgoing([value('a')], 1000), 0);
    const refusal = (index: number) => new RegExp(`^MILLRACE_VALUE_INVALID: record ${index} has the timestamp -?\\w+; Kafka takes ms`);
    expect(() => builder.append(outgoing([value('b'), { ...value('c'), timestamp }], 1000), 0)).toThrow(refusal(1));
    expect(() => builder.append(outgoing([value('d')], timestamp), 0)).toThrow(refusal(0));
    expect(valuesOf(builder.seal(NOBODY))).toEqual(['a']);
  });

  it('gives a batch another identity as if it had been written with it', () => {
    const builder = new BatchBuilder(1000);
    builder.append(outgoing([value('a')], 1000), 0);
    const first = { producerId: 5, producerEpoch: 1, baseSequence: 10, transactional: true };
    const second = { ...first, producerId: 2 ** 40, producerEpoch: 32_767, baseSequence: 2 ** 31 - 1 };
    const sealed = Buffer.from(builder.seal(first));
    const wanted = Buffer.from(builder.seal(second));
    expect(sealed.equals(wanted)).toBe(false);
    reseal(sealed, second);
    expect(sealed.equals(wanted)).toBe(true);
    expect(withChecksum(Buffer.from(sealed)).equals(sealed)).toBe(true);
  });

  it('gives its memory back after a giant record, and still works', () => {
    const builder = new BatchBuilder(1000);
    builder.append(outgoing([value('x'.repeat(200_000))], 1000), 0);
    builder.reset();
    builder.append(outgoing([value('small')], 1000), 0);
    const sealed = builder.seal(NOBODY);
    expect(sealed.buffer.byteLength).toBeLessThan(50_000);
    expect(valuesOf(sealed)).toEqual(['small']);
  });

  it.each<Compression>(['none', 'gzip', 'lz4', 'zstd'])('packs with %s, unless that makes it larger', (compression) => {
    const builder = new BatchBuilder(1 << 20);
    const records = Array.from({ length: 500 }, (_, i) => value(`a value like all the others, but for ${i}`));
    builder.append(outgoing(records, 1000), 0);
    const sealed = Buffer.from(builder.seal({ ...NOBODY, compression }));
    expect(sealed.length < builder.size / 3).toBe(compression !== 'none');
    expect(valuesOf(sealed)).toEqual(records.map((record) => latin1(record.value)));
    builder.reset();
    builder.append(outgoing([value('a')], 1000), 0);
    const small = Buffer.from(builder.seal({ ...NOBODY, compression }));
    expect(small.readInt16BE(AT.attributes)).toBe(0);
    expect(valuesOf(small)).toEqual(['a']);
  });
});
