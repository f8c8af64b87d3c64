import { crc32c } from '@node-rs/crc32';
import { NO_VALUE, type OutgoingValues, type RecordBatch, type RecordHeader } from '@millrace/core';
import { AT, ATTRIBUTE, HEADER_BYTES, UNCOUNTED_BYTES } from './format.js';
import { laidOut } from './laid-out.js';

/** A record as tests write and read it back. */
export interface TestRecord {
  readonly value: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
  readonly headers?: readonly RecordHeader[] | undefined;
  readonly timestamp?: number | undefined;
}

/** Records on their way out. Keys, headers and timestamps are there only if a record has any. */
export function outgoing(records: readonly TestRecord[], timestamp: number): OutgoingValues {
  const bounds = new Uint32Array(2 * records.length).fill(NO_VALUE);
  let end = 0;
  records.forEach(({ value }, i) => {
    if (value === undefined) return;
    bounds[2 * i] = end;
    bounds[2 * i + 1] = end += value.length;
  });
  return laidOut({
    partition: 0,
    count: records.length,
    bytes: Buffer.concat(records.flatMap(({ value }) => value ?? [])),
    bounds,
    schema: '',
    timestamp,
    timestamps: records.some((record) => record.timestamp !== undefined) ? Float64Array.from(records, (record) => record.timestamp ?? NaN) : undefined,
    keys: records.some((record) => record.key !== undefined) ? records.map((record) => record.key) : undefined,
    headers: records.some((record) => record.headers !== undefined) ? records.map((record) => record.headers) : undefined,
  });
}

/** A batch on the wire, for what {@link BatchBuilder} never writes. */
export interface WireBatch {
  readonly baseOffset?: number;
  readonly magic?: number;
  readonly attributes?: number;
  readonly lastOffsetDelta?: number;
  readonly baseTimestamp?: number;
  readonly maxTimestamp?: number;
  readonly producerId?: number;
  readonly count?: number;
  /** Each of them by {@link wireRecord}, or one buffer of them packed. */
  readonly records: readonly Buffer[];
}

export function wireBatch({ baseOffset = 0, magic = 2, attributes = 0, records, count = records.length, lastOffsetDelta = Math.max(count - 1, 0), baseTimestamp = 1000, maxTimestamp = 2000, producerId = -1 }: WireBatch): Buffer {
  const batch = Buffer.concat([Buffer.alloc(HEADER_BYTES), ...records]);
  batch.writeBigInt64BE(BigInt(baseOffset), AT.baseOffset);
  batch.writeInt32BE(batch.length - UNCOUNTED_BYTES, AT.length);
  batch[AT.magic] = magic;
  batch.writeInt16BE(attributes, AT.attributes);
  batch.writeInt32BE(lastOffsetDelta, AT.lastOffsetDelta);
  batch.writeBigInt64BE(BigInt(baseTimestamp), AT.baseTimestamp);
  batch.writeBigInt64BE(BigInt(maxTimestamp), AT.maxTimestamp);
  batch.writeBigInt64BE(BigInt(producerId), AT.producerId);
  batch.writeInt32BE(count, AT.count);
  return withChecksum(batch);
}

/** Makes the checksum that of the bytes. */
export function withChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.crc);
  return batch;
}

export interface WireRecord {
  readonly delta?: number;
  readonly timestampDelta?: number;
  readonly key?: Uint8Array | string | undefined;
  readonly value?: Uint8Array | string | undefined;
  /** In place of what is right. */
  readonly size?: number;
  readonly keySize?: number;
  readonly valueSize?: number;
  /** Number of headers and the headers themselves. */
  readonly headers?: readonly (number | string)[];
}

export function wireRecord({ delta = 0, timestampDelta = 0, key, value, size, keySize, valueSize, headers = [0] }: WireRecord): Buffer {
  const keyBytes = key === undefined ? undefined : Buffer.from(key);
  const valueBytes = value === undefined ? undefined : Buffer.from(value);
  const body = Buffer.concat([
    Buffer.of(0), varint(timestampDelta), varint(delta), varint(keySize ?? keyBytes?.length ?? -1), keyBytes ?? Buffer.alloc(0), varint(valueSize ?? valueBytes?.length ?? -1), valueBytes ?? Buffer.alloc(0),
    ...headers.map((part) => (typeof part === 'number' ? varint(part) : Buffer.from(part))),
  ]);
  return Buffer.concat([varint(size ?? body.length), body]);
}

/** By way of BigInt, unlike what is tested. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** A control batch that ends a transaction. */
export function marker(baseOffset: number, producerId: number, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.of(0, 0, 0, type === 'abort' ? 0 : 1);
  return wireBatch({ baseOffset, producerId, attributes: ATTRIBUTE.transactional | ATTRIBUTE.control, records: [wireRecord({ key, value: Buffer.alloc(6) })] });
}

/** A record as it was read, its bytes as texts of a character a byte: quick to compare, and to be read in a failure. */
export interface ReadRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | undefined;
  readonly value: string | undefined;
  readonly headers: readonly (readonly [string, string])[];
}

export function latin1(bytes: Uint8Array): string;
export function latin1(bytes: Uint8Array | undefined): string | undefined;
export function latin1(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Everything of these batches, record by record. */
export function recordsOf(batches: readonly RecordBatch[]): ReadRecord[] {
  return batches.flatMap((batch) => Array.from({ length: batch.count }, (_, i) => {
    const start = batch.bounds[2 * i]!;
    const end = batch.bounds[2 * i + 1]!;
    return {
      offset: batch.offset(i),
      timestamp: batch.timestamp(i),
      key: latin1(batch.key(i)),
      value: start === NO_VALUE && end === NO_VALUE ? undefined : latin1(batch.bytes.subarray(start, end)),
      headers: (batch.headers(i) ?? []).map(([name, value]) => [name, latin1(value)] as const),
    };
  }));
}
