import { MillraceError, NO_VALUE, TOMBSTONE, type OutgoingBatch, type OutgoingValues, type RecordBatch, type RecordHeader } from '@millrace/core';
import { holds } from './check.js';

/** A record as it was read. */
export interface Entry {
  readonly partition: number;
  readonly offset: number;
  /** Undefined: a tombstone. */
  readonly value: string | undefined;
  readonly key: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timestamp: number;
  readonly schema: string;
}

/** What may stand beside the values of a batch. Keys and header values are latin1 strings here, one character a byte. */
export interface BatchOptions {
  readonly partition?: number;
  readonly schema?: string;
  readonly timestamp?: number;
  readonly timestamps?: readonly number[];
  readonly keys?: readonly (string | undefined)[];
  readonly headers?: readonly (readonly (readonly [name: string, value: string])[] | undefined)[];
}

/** Epoch ms that batches carry unless they say otherwise. */
export const TIMESTAMP = 1_750_000_000_000;
/** Fingerprint that batches carry unless they say otherwise. */
export const SCHEMA = '0123456789abcdef';

/** A batch of strings; undefined is a tombstone. */
export function batchOf(payload: 'objects' | 'bytes', values: readonly (string | undefined)[], options: BatchOptions = {}): OutgoingBatch {
  const bounds = new Uint32Array(payload === 'bytes' ? 2 * values.length : 0).fill(NO_VALUE);
  const encoded = payload === 'bytes' ? values.map((value) => (value === undefined ? undefined : bytesOf(value))) : [];
  const bytes = new Uint8Array(encoded.reduce((sum, value) => sum + (value?.byteLength ?? 0), 0));
  let at = 0;
  for (const [i, value] of encoded.entries()) {
    if (value === undefined) continue;
    bytes.set(value, at);
    bounds[2 * i] = at;
    at += value.byteLength;
    bounds[2 * i + 1] = at;
  }
  return {
    partition: options.partition ?? 0,
    count: values.length,
    objects: payload === 'objects' ? values.map((value) => value ?? TOMBSTONE) : undefined,
    bytes,
    bounds,
    schema: options.schema ?? SCHEMA,
    timestamp: options.timestamp ?? TIMESTAMP,
    timestamps: options.timestamps === undefined ? undefined : Float64Array.from(options.timestamps),
    keys: options.keys?.map((key) => (key === undefined ? undefined : bytesOf(key))),
    headers: options.headers?.map((headers) => headers?.map(([name, value]): RecordHeader => [name, bytesOf(value)])),
  };
}

/** A value that cannot be encoded. */
export const REFUSED = 'refused';

/** The same of strings that the writer is to encode. */
export function valuesOf(values: readonly string[], options: BatchOptions = {}): OutgoingValues & { readonly values: unknown[] } {
  const { partition, schema, timestamp, timestamps, keys, headers } = batchOf('objects', values, options);
  return {
    partition,
    values: [...values],
    encoding: {
      encode(value: string, buffer, position) {
        if (value === REFUSED) throw new MillraceError('MILLRACE_VALUE_INVALID', 'a value that the case refuses');
        const end = position + value.length;
        if (end > buffer.length) return buffer.length - end;
        buffer.write(value, position, 'latin1');
        return end;
      },
    },
    schema,
    timestamp,
    timestamps,
    keys,
    headers,
  };
}

/** Takes a batch apart, holding it to what the SPI says of every batch. */
export function entriesOf(batch: RecordBatch): Entry[] {
  const { count, objects, partition, schema, next } = batch;
  holds(Number.isSafeInteger(count) && count >= 0, `count of a batch is a number of records, not ${count}`);
  if (objects === undefined) holds(batch.bounds.length >= 2 * count, `${count} records have ${2 * count} bounds, not ${batch.bounds.length}`);
  else holds(objects.length === count, `a batch of ${count} records has as many objects, not ${objects.length}`);
  const entries: Entry[] = [];
  let last = -1;
  for (let i = 0; i < count; i++) {
    const offset = batch.offset(i);
    holds(Number.isSafeInteger(offset) && offset > last, `offsets of a batch rise: ${offset} comes after ${last}`);
    last = offset;
    entries.push({
      partition,
      offset,
      value: valueOf(batch, i),
      key: textOf(batch.key(i)),
      headers: (batch.headers(i) ?? []).map(([name, value]) => [name, textOf(value) ?? ''] as const),
      timestamp: batch.timestamp(i),
      schema,
    });
  }
  holds(next > last, `next of a batch lies after its last offset ${last}, not at ${next}`);
  return entries;
}

function valueOf(batch: RecordBatch, i: number): string | undefined {
  if (batch.objects !== undefined) {
    const value = batch.objects[i];
    if (value === TOMBSTONE) return undefined;
    holds(typeof value === 'string', `record ${batch.offset(i)} is the object that was sent, not ${typeof value}`);
    return value;
  }
  const start = batch.bounds[2 * i] ?? NO_VALUE;
  const end = batch.bounds[2 * i + 1] ?? NO_VALUE;
  holds((start === NO_VALUE) === (end === NO_VALUE), 'both bounds of a tombstone are NO_VALUE, and only of one');
  if (start === NO_VALUE) return undefined;
  holds(start <= end && end <= batch.bytes.byteLength, `bounds ${start} and ${end} lie within the ${batch.bytes.byteLength} bytes of the batch`);
  return textOf(batch.bytes.subarray(start, end));
}

/** `count` values, told apart by number. */
export function numbered(count: number, from = 0, label = 'record'): string[] {
  return Array.from({ length: count }, (_, i) => `${label} ${from + i}`);
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

export function textOf(bytes: Uint8Array): string;
export function textOf(bytes: Uint8Array | undefined): string | undefined;
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
