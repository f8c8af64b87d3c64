import { NO_VALUE, type OutgoingBatch, type RecordBatch, type RecordHeader } from '@millrace/core';

/** A record as tests write and read it back. */
export interface TestRecord {
  readonly value: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
  readonly headers?: readonly RecordHeader[] | undefined;
  readonly timestamp?: number | undefined;
}

/** Records as an outgoing batch. Keys, headers and timestamps are there only if a record has any. */
export function outgoing(records: readonly TestRecord[], timestamp: number): OutgoingBatch {
  const bounds = new Uint32Array(2 * records.length).fill(NO_VALUE);
  let end = 0;
  records.forEach(({ value }, i) => {
    if (value === undefined) return;
    bounds[2 * i] = end;
    bounds[2 * i + 1] = end += value.length;
  });
  return {
    partition: 0,
    count: records.length,
    bytes: Buffer.concat(records.flatMap(({ value }) => value ?? [])),
    bounds,
    schema: '',
    timestamp,
    timestamps: records.some((record) => record.timestamp !== undefined) ? Float64Array.from(records, (record) => record.timestamp ?? NaN) : undefined,
    keys: records.some((record) => record.key !== undefined) ? records.map((record) => record.key) : undefined,
    headers: records.some((record) => record.headers !== undefined) ? records.map((record) => record.headers) : undefined,
  };
}

/** Everything of these batches, record by record. */
export function recordsOf(batches: readonly RecordBatch[]): { offset: number; timestamp: number; key: Buffer | undefined; value: Buffer | undefined; headers: (readonly [string, Buffer])[] }[] {
  return batches.flatMap((batch) => Array.from({ length: batch.count }, (_, i) => {
    const start = batch.bounds[2 * i]!;
    const end = batch.bounds[2 * i + 1]!;
    const key = batch.key(i);
    return {
      offset: batch.offset(i),
      timestamp: batch.timestamp(i),
      key: key && Buffer.from(key),
      value: start === NO_VALUE && end === NO_VALUE ? undefined : Buffer.from(batch.bytes.subarray(start, end)),
      headers: (batch.headers(i) ?? []).map(([name, value]) => [name, Buffer.from(value)] as const),
    };
  }));
}
