import { NO_VALUE, type OutgoingBatch } from './spi.js';

/** Bytes of the largest record of an encoded batch, key and headers included: what a backend holds against its limit. */
export function largestRecord(batch: Pick<OutgoingBatch, 'count' | 'bounds' | 'keys' | 'headers'>): number {
  let largest = 0;
  for (let i = 0; i < batch.count; i++) {
    const start = batch.bounds[2 * i] ?? NO_VALUE;
    const value = start === NO_VALUE ? 0 : (batch.bounds[2 * i + 1] ?? start) - start;
    largest = Math.max(largest, value + keyAndHeaderBytes(batch, i));
  }
  return largest;
}

/** Bytes of a record's key and headers. */
export function keyAndHeaderBytes({ keys, headers }: Pick<OutgoingBatch, 'keys' | 'headers'>, index: number): number {
  let bytes = keys?.[index]?.byteLength ?? 0;
  for (const [name, value] of headers?.[index] ?? []) bytes += name.length + value.byteLength;
  return bytes;
}
