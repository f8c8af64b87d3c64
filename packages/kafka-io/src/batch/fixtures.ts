import { NO_VALUE, type OutgoingBatch, type RecordHeader } from '@millrace/core';

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
