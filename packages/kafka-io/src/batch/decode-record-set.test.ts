import { gzipSync } from 'node:zlib';
import { avro } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { latin1, marker, recordsOf, wireBatch, wireRecord } from './fixtures.js';
import { ATTRIBUTE, COMPRESSION_IDS } from './format.js';
import { decodeRecordSet, type DecodeOptions } from './index.js';

const OPTIONS: DecodeOptions = { topic: 't', partition: 4, from: 0, framing: 'none', isolation: 'read_committed' };
const FRAMED: DecodeOptions = { ...OPTIONS, framing: 'single-object' };

/** Records with these values, one after the other. */
const records = (...values: (string | undefined)[]) => values.map((value, delta) => wireRecord({ value, delta }));
const read = (bytes: Buffer, options: Partial<DecodeOptions> = {}) => {
  const { batches, next, tooLarge } = decodeRecordSet(bytes, { ...OPTIONS, ...options });
  expect(tooLarge).toBeUndefined();
  expect(batches.at(-1)?.next ?? next).toBe(next);
  return { batches, next, all: recordsOf(batches), values: recordsOf(batches).map((record) => record.value) };
};

describe('a set of record batches', () => {
  it('may be empty', () => {
    expect(decodeRecordSet(Buffer.alloc(0), { ...OPTIONS, from: 7 })).toEqual({ batches: [], next: 7, tooLarge: undefined });
  });

  it('is read without what is cut off at its end, wherever that is', () => {
    const first = wireBatch({ records: records('a', 'b') });
    const second = wireBatch({ baseOffset: 2, records: records('c') });
    const both = Buffer.concat([first, second]);
    for (let length = first.length; length < both.length; length++) expect(read(both.subarray(0, length))).toMatchObject({ values: ['a', 'b'], next: 2 });
    expect(read(both)).toMatchObject({ values: ['a', 'b', 'c'], next: 3 });
  });

  it('says how large its first batch is where nothing more came', () => {
    const batch = wireBatch({ records: records('a') });
    for (let length = 1; length < batch.length; length++) {
      expect(decodeRecordSet(batch.subarray(0, length), OPTIONS)).toEqual({ batches: [], next: 0, tooLarge: length < 17 ? 61 : batch.length });
    }
  });

  it('is read from the position that was asked for, which may be within a batch or in a gap', () => {
    const bytes = Buffer.concat([wireBatch({ records: records('a', 'b') }), wireBatch({ baseOffset: 5, records: records('c', 'd') })]);
    expect([0, 1, 2, 4, 5, 6].map((from) => read(bytes, { from }).values)).toEqual([['a', 'b', 'c', 'd'], ['b', 'c', 'd'], ['c', 'd'], ['c', 'd'], ['c', 'd'], ['d']]);
    expect(read(bytes, { from: 7 })).toMatchObject({ batches: [], next: 7 });
    expect(read(bytes, { from: 100 })).toMatchObject({ batches: [], next: 100 });
    expect(read(bytes, { from: 6 }).batches[0]!.offset(0)).toBe(6);
  });

  it('goes on past what compaction took: within a batch, at its end, all of it', () => {
    const bytes = Buffer.concat([
      wireBatch({ lastOffsetDelta: 9, records: [wireRecord({ delta: 2, value: 'a' }), wireRecord({ delta: 3, value: 'b' }), wireRecord({ delta: 7, value: 'c' })] }),
      wireBatch({ baseOffset: 10, lastOffsetDelta: 4, records: [] }),
      wireBatch({ baseOffset: 15, attributes: COMPRESSION_IDS.gzip, lastOffsetDelta: 4, records: [] }),
    ]);
    expect(read(bytes)).toMatchObject({ values: ['a', 'b', 'c'], next: 20 });
    expect(read(bytes).all.map((record) => record.offset)).toEqual([2, 3, 7]);
    expect(read(bytes, { from: 8 })).toMatchObject({ batches: [], next: 20 });
  });

  it('has the times of its writers, or the one of the broker', () => {
    const timed = [wireRecord({ value: 'a', timestampDelta: 5 }), wireRecord({ value: 'b', delta: 1, timestampDelta: -1200 }), wireRecord({ value: 'c', delta: 2, timestampDelta: 2 ** 45 })];
    expect(read(wireBatch({ baseTimestamp: 1000, records: timed })).all.map((record) => record.timestamp)).toEqual([1005, -200, 1000 + 2 ** 45]);
    expect(read(wireBatch({ attributes: ATTRIBUTE.logAppendTime, maxTimestamp: 77, records: timed })).all.map((record) => record.timestamp)).toEqual([77, 77, 77]);
  });

  it('is a view of the bytes that came, with the small batches put together', () => {
    const small = Array.from({ length: 2500 }, (_, i) => wireBatch({ baseOffset: i, baseTimestamp: 1000 + i, records: [wireRecord({ value: `value ${i}`, key: i % 7 === 0 ? `key ${i}` : undefined })] }));
    const bytes = Buffer.concat(small);
    const { batches, all, next } = read(bytes);
    expect(batches.map((batch) => [batch.count, batch.next, batch.partition, batch.objects])).toEqual([[1024, 1024, 4, undefined], [1024, 2048, 4, undefined], [452, 2500, 4, undefined]]);
    expect(batches.every((batch) => batch.bytes.buffer === bytes.buffer && batch.bounds.length === 2 * batch.count)).toBe(true);
    expect(all).toEqual(Array.from({ length: 2500 }, (_, i) => ({ offset: i, timestamp: 1000 + i, value: `value ${i}`, key: i % 7 === 0 ? `key ${i}` : undefined, headers: [] })));
    expect(next).toBe(2500);
  });

  it('puts batches with gaps, keys and headers together as they are', () => {
    const bytes = Buffer.concat(Array.from({ length: 40 }, (_, i) => wireBatch({
      baseOffset: 10 * i,
      lastOffsetDelta: i % 4 === 0 ? 5 : 1,
      records: [wireRecord({ value: `${i}`, headers: i % 3 === 0 ? [2, 1, 'n', 2, 'v1', 1, 'n', -1] : [0] }), wireRecord({ delta: 1, key: i % 5 === 0 ? '' : undefined })],
    })));
    const { all, next, batches } = read(bytes);
    expect(batches).toHaveLength(1);
    expect(next).toBe(392);
    expect(all).toEqual(Array.from({ length: 40 }, (_, i) => [
      { offset: 10 * i, timestamp: 1000, key: undefined, value: `${i}`, headers: i % 3 === 0 ? [['n', 'v1'], ['n', '']] : [] },
      { offset: 10 * i + 1, timestamp: 1000, key: i % 5 === 0 ? '' : undefined, value: undefined, headers: [] },
    ]).flat());
  });

  it('leaves the rest for another fetch once it has unpacked enough', () => {
    const packed = (baseOffset: number, value: string) => wireBatch({ baseOffset, attributes: COMPRESSION_IDS.gzip, count: 1, records: [gzipSync(wireRecord({ value }))] });
    const bytes = Buffer.concat([packed(0, 'a'.repeat(600)), packed(1, 'b'.repeat(600)), packed(2, 'c'.repeat(600))]);
    expect(read(bytes, { maxBytes: 1000 })).toMatchObject({ values: ['a'.repeat(600), 'b'.repeat(600)], next: 2 });
    expect(read(bytes, { maxBytes: 610 })).toMatchObject({ values: ['a'.repeat(600), 'b'.repeat(600)], next: 2 });
    expect(read(bytes, { maxBytes: 609 })).toMatchObject({ values: ['a'.repeat(600)], next: 1 });
    expect(() => read(bytes, { maxBytes: 600 })).toThrow('MILLRACE_BATCH_UNREADABLE: topic t, partition 4, offset 0: the record batch cannot be unpacked: it unpacks to more than the 600 bytes that are allowed');
  });
});

describe('single-object encoding', () => {
  const codec = avro(z.object({ text: z.string() }).meta({ id: 'a.B' }));
  const frame = (fingerprint: string) => latin1(Buffer.concat([Buffer.of(0xc3, 1), Buffer.from(fingerprint, 'hex').reverse()]));
  const framed = (...values: (readonly [schema: string, value: string] | string | undefined)[]) => wireBatch({
    records: values.map((value, delta) => wireRecord({ delta, value: Array.isArray(value) ? Buffer.from(`${frame(value[0] as string)}${value[1]}`, 'latin1') : value as string | undefined })),
  });
  const A = codec.fingerprint;
  const B = '00000000000000ff';
  const shape = (bytes: Buffer, options = FRAMED) => decodeRecordSet(bytes, options).batches.map((batch) => [batch.schema, recordsOf([batch]).map((record) => record.value), batch.next]);

  it('names the schema as core prints it, and is gone from the values', () => {
    expect(shape(framed([A, 'one'], [A, '']))).toEqual([[A, ['one', ''], 2]]);
    expect(shape(framed([A, 'one']), OPTIONS)).toEqual([['', [`${frame(A)}one`], 1]]);
  });

  it('makes a batch of each run of one schema', () => {
    expect(shape(framed([A, '1'], [B, '2'], [B, '3'], [A, '4']))).toEqual([[A, ['1'], 1], [B, ['2', '3'], 3], [A, ['4'], 4]]);
  });

  it('is not there where a value has too few bytes or others: then the schema is empty', () => {
    expect(shape(framed([A, '1'], 'plain', '', frame(A).slice(0, 9), `\u00c3${frame(A).slice(1, 2)}`, [A, '2']))).toEqual([
      [A, ['1'], 1], ['', ['plain', '', latin1(Buffer.from(frame(A).slice(0, 9))), latin1(Buffer.from('\u00c3\u0001'))], 5], [A, ['2'], 6],
    ]);
  });

  it('leaves records without a value with those around them', () => {
    expect(shape(framed(undefined, [A, '1'], undefined, [B, '2'], undefined))).toEqual([[A, [undefined, '1', undefined], 3], [B, ['2', undefined], 5]]);
    expect(shape(framed(undefined, undefined))).toEqual([['', [undefined, undefined], 2]]);
  });

  it('may change with every record', () => {
    const many = Array.from({ length: 3000 }, (_, i) => [i.toString(16).padStart(16, '0'), `${i}`] as const);
    expect(shape(framed(...many))).toEqual(many.map(([schema, value], i) => [schema, [value], i + 1]));
  });
});

describe('transactions', () => {
  const data = (baseOffset: number, producerId: number, values: string[], { key, attributes = ATTRIBUTE.transactional }: { key?: Buffer; attributes?: number } = {}) => wireBatch({
    baseOffset, producerId, attributes, records: values.map((value, delta) => wireRecord({ delta, value, key })),
  });
  const values = (parts: Buffer[], abortedTransactions: DecodeOptions['abortedTransactions'], options: Partial<DecodeOptions> = {}) => read(Buffer.concat(parts), { abortedTransactions, ...options }).values;

  it('are left out where they were aborted, in whatever order the broker lists them', () => {
    const log = [data(0, 1, ['x']), data(1, 2, ['y']), marker(2, 1, 'abort'), data(3, 3, ['kept']), marker(4, 2, 'abort'), marker(5, 3, 'commit'), data(6, 2, ['kept too']), marker(7, 2, 'commit')];
    const listed = [{ producerId: 1, firstOffset: 0 }, { producerId: 2, firstOffset: 1 }];
    expect(values(log, listed)).toEqual(['kept', 'kept too']);
    expect(values(log, listed.toReversed())).toEqual(['kept', 'kept too']);
    expect(read(Buffer.concat(log), { abortedTransactions: listed }).next).toBe(8);
  });

  it('are left out where several of them began before the first record that came', () => {
    const log = [data(50, 1, ['x']), data(51, 2, ['y']), data(52, 3, ['z']), marker(53, 3, 'abort'), marker(54, 2, 'abort'), marker(55, 1, 'abort')];
    const listed = [3, 1, 2].map((producerId) => ({ producerId, firstOffset: 10 + producerId }));
    expect(read(Buffer.concat(log), { abortedTransactions: listed, from: 50 })).toMatchObject({ batches: [], next: 56 });
  });

  it('are not ended by a record whose key looks like a marker', () => {
    const log = [data(0, 1, ['x'], { key: Buffer.alloc(4) }), data(1, 1, ['y']), marker(2, 1, 'abort'), data(3, 1, ['kept'], { key: Buffer.alloc(4) }), marker(4, 1, 'commit')];
    expect(values(log, [{ producerId: 1, firstOffset: 0 }])).toEqual(['kept']);
  });

  it('of one producer may be aborted one after the other', () => {
    const log = [data(0, 1, ['x']), marker(1, 1, 'abort'), data(2, 1, ['kept']), marker(3, 1, 'commit'), data(4, 1, ['y']), marker(5, 1, 'abort'), data(6, 1, ['kept too']), marker(7, 1, 'commit')];
    expect(values(log, [{ producerId: 1, firstOffset: 4 }, { producerId: 1, firstOffset: 0 }])).toEqual(['kept', 'kept too']);
  });

  it('are none of what a producer wrote outside of them, and have no markers to be seen', () => {
    const log = [data(0, 1, ['x']), data(1, 1, ['outside'], { attributes: 0 }), marker(2, 1, 'abort')];
    expect(values(log, [{ producerId: 1, firstOffset: 0 }])).toEqual(['outside']);
    expect(values(log, null)).toEqual(['x', 'outside']);
    expect(values(log, [{ producerId: 1, firstOffset: 0 }], { isolation: 'read_uncommitted' })).toEqual(['x', 'outside']);
  });

  it('are known from markers before the position too', () => {
    const log = [data(0, 1, ['x']), marker(1, 1, 'abort'), data(2, 1, ['kept']), marker(3, 1, 'commit')];
    expect(values(log, [{ producerId: 1, firstOffset: 0 }], { from: 2 })).toEqual(['kept']);
  });

  it('are not ended by other kinds of control records, nor by what compaction left of one', () => {
    const control = ATTRIBUTE.transactional | ATTRIBUTE.control;
    const log = [data(0, 1, ['x']), wireBatch({ baseOffset: 1, producerId: 1, attributes: control, records: [wireRecord({ key: Buffer.of(0, 0, 0, 2) })] }), wireBatch({ baseOffset: 2, producerId: 1, attributes: control, records: [] }), data(3, 1, ['y']), marker(4, 1, 'abort')];
    expect(read(Buffer.concat(log), { abortedTransactions: [{ producerId: 1, firstOffset: 0 }] })).toMatchObject({ batches: [], next: 5 });
  });
});
