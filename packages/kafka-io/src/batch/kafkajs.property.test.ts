import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { latin1, outgoing, recordsOf, type TestRecord } from './fixtures.js';
import { BatchBuilder, decodeRecordSet } from './index.js';

/** kafkajs's own encoder and decoder of batches, of which nothing is used but here: an independent opinion. */
const require = createRequire(import.meta.url);
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js') as { RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> };
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => object;
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: object) => Promise<{ firstOffset: string; producerId: string; producerEpoch: number; firstSequence: number; inTransaction: boolean; maxTimestamp: string; records: { offset: string; timestamp: string; key: Buffer | null; value: Buffer | null; headers: Record<string, Buffer | Buffer[]> }[] }>;
const Decoder = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => object;

const bytes = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 40, max: 9000 }).map((length) => new Uint8Array(length).fill(length)) },
).map((array) => Buffer.from(array));
const timestamp = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1_600_000_000_000, max: 1_800_000_000_000 }), fc.integer({ min: 0, max: 8_640_000_000_000_000 }));
/** Names that an object keeps in their order. */
const name = fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => `h${text}`);
const headers = fc.array(fc.tuple(name, bytes), { maxLength: 4 });
const record: fc.Arbitrary<TestRecord> = fc.oneof(
  fc.record({ value: fc.option(bytes, { nil: undefined }) }),
  fc.record({ value: fc.option(bytes, { nil: undefined }), key: fc.option(bytes, { nil: undefined }), headers: fc.option(headers, { nil: undefined }), timestamp: fc.option(timestamp, { nil: undefined }) }),
);
const plain: fc.Arbitrary<TestRecord> = fc.record({ value: fc.option(bytes, { nil: undefined }) });
const records = fc.oneof(fc.array(record, { minLength: 1, maxLength: 150 }), fc.array(plain, { minLength: 1, maxLength: 150 }));
const compression = fc.constantFrom('none' as const, 'gzip' as const);

/** Headers as an object in which repeated names have arrays, as kafkajs has them. */
function merged<T>(list: readonly (readonly [string, T])[] | undefined): Record<string, T | T[]> {
  const all = new Map<string, T[]>();
  for (const [key, value] of list ?? []) all.set(key, [...(all.get(key) ?? []), value]);
  return Object.fromEntries(Array.from(all, ([key, values]) => [key, values.length === 1 ? values[0]! : values]));
}

const asText = (headers: TestRecord['headers']) => headers?.map(([key, value]) => [key, latin1(value)] as const);
const objectAsText = (headers: Record<string, Buffer | Buffer[]>) => Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, Array.isArray(value) ? value.map((each) => latin1(each)) : latin1(value)]));

it('kafkajs reads what we write', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(records, timestamp), { minLength: 1, maxLength: 3 }), compression, async (batches, packing) => {
    const builder = new BatchBuilder(64 << 20);
    for (const [list, time] of batches) expect(builder.append(outgoing(list, time), 0)).toBe(list.length);
    const sealed = builder.seal({ producerId: 4_294_967_299, producerEpoch: 12, baseSequence: 77, transactional: true, compression: packing });
    const read = await decodeBatch(new Decoder(Buffer.from(sealed)));
    const expected = batches.flatMap(([list, time]) => list.map((each) => ({ ...each, timestamp: each.timestamp ?? time })));
    expect(read).toMatchObject({ firstOffset: '0', producerId: '4294967299', producerEpoch: 12, firstSequence: 77, inTransaction: true, maxTimestamp: String(Math.max(...expected.map((each) => each.timestamp))) });
    expect(read.records.map((each) => ({ offset: each.offset, timestamp: each.timestamp, key: each.key && latin1(each.key), value: each.value && latin1(each.value), headers: objectAsText(each.headers) }))).toEqual(
      expected.map((each, i) => ({ offset: String(i), timestamp: String(each.timestamp), key: latin1(each.key) ?? null, value: latin1(each.value) ?? null, headers: merged(asText(each.headers)) })),
    );
  }), { numRuns: 150 });
});

it('we read what kafkajs writes', async () => {
  await fc.assert(fc.asyncProperty(records, timestamp, fc.integer({ min: 0, max: 2 ** 50 }), compression, async (list, time, baseOffset, packing) => {
    const { buffer } = await encodeBatch({
      compression: packing === 'gzip' ? 1 : 0,
      firstOffset: baseOffset,
      firstTimestamp: time,
      maxTimestamp: time,
      lastOffsetDelta: list.length - 1,
      records: list.map((each, i) => encodeRecord({ offsetDelta: i, timestampDelta: (each.timestamp ?? time) - time, key: each.key, value: each.value, headers: merged(each.headers) })),
    });
    const { batches, next } = decodeRecordSet(buffer, { topic: 't', partition: 0, from: 0, framing: 'none', isolation: 'read_committed' });
    expect(next).toBe(baseOffset + list.length);
    expect(recordsOf(batches).map((each) => ({ ...each, headers: merged(each.headers) }))).toEqual(
      list.map((each, i) => ({ offset: baseOffset + i, timestamp: each.timestamp ?? time, key: latin1(each.key), value: latin1(each.value), headers: merged(asText(each.headers)) })),
    );
  }), { numRuns: 150 });
});
