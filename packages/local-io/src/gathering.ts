import { NO_VALUE, type OutgoingBatch } from '@millrace/core';
import { frameOf, type FrameContent } from './frame.js';
import type { LocalWriter, Staged } from './writer.js';

/** Batches of fewer records and bytes are gathered into one, up to so many: a stored batch takes whole pages of its own. */
const SMALL_RECORDS = 64;
const SMALL_BYTES = 4096;
const GATHERED_RECORDS = 1024;
const GATHERED_BYTES = 256 * 1024;

/** Records of one partition in the form that is stored. */
export interface Framed {
  readonly writer: LocalWriter;
  readonly partition: number;
  readonly count: number;
  readonly frame: Buffer;
}

interface Run {
  readonly writer: LocalWriter;
  readonly batches: OutgoingBatch[];
  count: number;
  bytes: number;
}

/** The stored form of staged batches: of a partition in their order, small neighbours of one schema together. */
export function framesOf(staged: readonly Staged[]): Framed[] {
  const open = new Map<string, Run>();
  const runs: Run[] = [];
  for (const { writer, batch } of staged) {
    const name = `${writer.target.id} ${batch.partition}`;
    let run = open.get(name);
    const isSmall = batch.count < SMALL_RECORDS && batch.bytes.byteLength < SMALL_BYTES;
    if (run === undefined || !isSmall || run.writer !== writer || run.batches[0]?.schema !== batch.schema || run.count + batch.count > GATHERED_RECORDS || run.bytes + batch.bytes.byteLength > GATHERED_BYTES) {
      run = { writer, batches: [], count: 0, bytes: 0 };
      runs.push(run);
      if (isSmall) open.set(name, run);
      else open.delete(name);
    }
    run.batches.push(batch);
    run.count += batch.count;
    run.bytes += batch.bytes.byteLength;
  }
  return runs.map(({ writer, batches, count }) => ({ writer, partition: batches[0]?.partition ?? 0, count, frame: frameOf(gathered(batches, count)) }));
}

function gathered(batches: readonly OutgoingBatch[], count: number): FrameContent {
  const [first] = batches;
  if (first === undefined) throw new RangeError('a run of batches is never empty');
  if (batches.length === 1) return first;
  const bounds = new Uint32Array(2 * count);
  const isTimed = batches.some(({ timestamp, timestamps }) => timestamps !== undefined || timestamp !== first.timestamp);
  const timestamps = isTimed ? new Float64Array(count) : undefined;
  const keys = batches.some((batch) => batch.keys !== undefined) ? new Array<Uint8Array | undefined>(count).fill(undefined) : undefined;
  const headers = batches.some((batch) => batch.headers !== undefined) ? new Array<NonNullable<OutgoingBatch['headers']>[number]>(count).fill(undefined) : undefined;
  let record = 0;
  let byte = 0;
  for (const batch of batches) {
    for (let i = 0; i < batch.count; i++, record++) {
      for (const side of [0, 1]) {
        const bound = batch.bounds[2 * i + side] ?? NO_VALUE;
        bounds[2 * record + side] = bound === NO_VALUE ? NO_VALUE : bound + byte;
      }
      if (timestamps !== undefined) {
        const own = batch.timestamps?.[i];
        timestamps[record] = own === undefined || Number.isNaN(own) ? batch.timestamp : own;
      }
      if (keys !== undefined) keys[record] = batch.keys?.[i];
      if (headers !== undefined) headers[record] = batch.headers?.[i];
    }
    byte += batch.bytes.byteLength;
  }
  return { count, bytes: Buffer.concat(batches.map(({ bytes }) => bytes), byte), bounds, schema: first.schema, timestamp: first.timestamp, timestamps, keys, headers };
}
