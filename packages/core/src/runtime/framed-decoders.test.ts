import { expect, it } from 'vitest';
import { z } from 'zod';
import { NO_VALUE, type RecordBatch } from '../channel/spi.js';
import { avro, encodeToBuffer, type WriterSchema } from '../codec/index.js';
import { SINGLE_OBJECT } from '../external/index.js';
import { Decoders } from './decoders.js';
import { FramedDecoders, type SchemaSource } from './framed-decoders.js';

const Order = avro(z.object({ id: z.int(), note: z.string().default('') }).meta({ id: 'Order' }));
const Former = avro(z.object({ id: z.int() }).meta({ id: 'Order' }));
const single = (codec: { readonly fingerprint: string }, value: Buffer): Buffer => Buffer.concat([Buffer.from([0xc3, 0x01, ...Buffer.from(codec.fingerprint, 'hex').reverse()]), value]);
const ORDER = single(Order, encodeToBuffer(Order, { id: 1, note: 'a' }));
const FORMER = single(Former, encodeToBuffer(Former, { id: 2 }));

function batchOf(values: readonly (Buffer | undefined)[], schema = ''): RecordBatch {
  const bounds = new Uint32Array(2 * values.length).fill(NO_VALUE);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue;
    bounds[2 * i] = at;
    bounds[2 * i + 1] = at += value.length;
  }
  return { partition: 3, count: values.length, next: 10 + values.length, objects: undefined, bytes: Buffer.concat(values.filter((value) => value !== undefined)), bounds, schema, offset: (i) => 10 + i, timestamp: () => 0, key: () => undefined, headers: () => undefined };
}

function setUp(find: SchemaSource['find']) {
  const state = { now: 0, wakes: 0 };
  const clock = { now: () => state.now, wall: () => 0, after: () => ({ cancel: () => {} }) };
  const place = { replica: 'p.o#0', port: 'orders', channel: 'topic', codec: Order, clock } as const;
  const decoders = new FramedDecoders({ ...place, codec: Order as never, framing: SINGLE_OBJECT, schemas: { missing: 'which nobody knows', find }, wake: () => state.wakes++, others: new Decoders({ ...place, codec: Order as never, schemas: undefined }) });
  return { state, decoders };
}

function read(decoders: FramedDecoders, batch: RecordBatch, i: number): unknown {
  return decoders.of(batch)!.decode(batch.bytes, batch.bounds[2 * i]!, batch.bounds[2 * i + 1]!);
}

it('waits for a schema that is not known yet, and then reads each record by its own', () => {
  const known = new Map<string, WriterSchema>([[Order.fingerprint, Order]]);
  const { state, decoders } = setUp((name) => known.get(name));
  const batch = batchOf([ORDER, undefined, FORMER, ORDER]);
  expect(decoders.canRead(batch)).toBe(false);
  expect(decoders.lookAgainAt).toBe(30_000);
  state.now = 29_999;
  expect(decoders.of(batch)).toBeUndefined();
  known.set(Former.fingerprint, Former);
  expect(decoders.canRead(batch)).toBe(true);
  expect(decoders.lookAgainAt).toBe(Infinity);
  expect([0, 2, 3].map((i) => read(decoders, batch, i))).toEqual([{ id: 1, note: 'a' }, { id: 2, note: '' }, { id: 1, note: 'a' }]);
});

it('gives up after a while, and says which record names what', () => {
  const { state, decoders } = setUp(() => undefined);
  const batch = batchOf([undefined, FORMER]);
  expect(decoders.canRead(batch)).toBe(false);
  state.now = 30_000;
  expect(() => decoders.canRead(batch)).toThrow(expect.objectContaining({ code: 'MILLRACE_SCHEMA_UNKNOWN', operator: 'p.o#0', port: 'orders', channel: 'topic', partition: 3, offset: 11, message: expect.stringContaining(Former.fingerprint) as string }) as Error);
});

it('asks once, and wakes whoever waits for the answer or its failure', async () => {
  const asked: string[] = [];
  const { state, decoders } = setUp((name) => {
    asked.push(name);
    return name === Order.fingerprint ? Promise.resolve(Order) : Promise.reject(new Error('gone'));
  });
  const good = batchOf([ORDER]);
  expect([decoders.canRead(good), decoders.canRead(good)]).toEqual([false, false]);
  await expect.poll(() => state.wakes).toBe(1);
  expect(read(decoders, good, 0)).toEqual({ id: 1, note: 'a' });
  const bad = batchOf([FORMER]);
  expect(decoders.canRead(bad)).toBe(false);
  await expect.poll(() => state.wakes).toBe(2);
  expect(() => decoders.canRead(bad)).toThrow('gone');
  expect(asked).toEqual([Order.fingerprint, Former.fingerprint]);
});

it('leaves what has no mark to the policy of the port, and what the channel tells to the channel', () => {
  const { decoders } = setUp((name) => (name === Order.fingerprint ? Order : undefined));
  const batch = batchOf([Buffer.from('{"id":1}'), Buffer.from([0xc3, 0x01, 0x05]), Buffer.alloc(0)]);
  expect(decoders.canRead(batch)).toBe(true);
  for (const i of [0, 1, 2]) expect(() => read(decoders, batch, i)).toThrow(expect.objectContaining({ code: 'MILLRACE_UNDECODABLE' }) as Error);
  const told = batchOf([encodeToBuffer(Order, { id: 7, note: '' })], Order.fingerprint);
  expect(decoders.of(told)!.decode(told.bytes, 0, told.bytes.length)).toEqual({ id: 7, note: '' });
});
