import type { ChannelReader, RecordBatch } from '@millrace/core';
import { batchesUntil } from './reading.js';

/** A record where it was read. */
export interface Found {
  readonly batch: RecordBatch;
  readonly index: number;
}

interface Window {
  readonly partitions: readonly number[];
  readonly starts: ReadonlyMap<number, number>;
  readonly ends: ReadonlyMap<number, number>;
  /** Records of each partition. */
  readonly limit: number;
}

/** As they come, from positions on, over all partitions. */
export async function* firstRecords(reader: ChannelReader, positions: ReadonlyMap<number, number>, ends: ReadonlyMap<number, number>, limit: number): AsyncGenerator<Found> {
  for (const [partition, position] of positions) reader.seek(partition, position);
  let left = limit;
  for await (const batch of left === 0 ? [] : batchesUntil(reader, positions, ends)) {
    for (const index of within(batch, positions.get(batch.partition)!, Infinity)) {
      yield { batch, index };
      if (--left === 0) return;
    }
  }
}

/**
 * The last records of each partition. Offsets may stand for nothing that can be read, be they aborted, marks of a transaction's end or
 * compacted away: it goes back twice as far each time until there are enough, or the partition begins.
 */
export async function lastRecords(reader: ChannelReader, { partitions, starts, ends, limit }: Window): Promise<ReadonlyMap<number, readonly Found[]>> {
  const found = new Map<number, readonly Found[]>();
  let to = new Map(partitions.map((partition) => [partition, ends.get(partition)!]));
  for (let size = limit; size > 0; size *= 2) {
    const from = new Map([...to.keys()].map((partition) => [partition, Math.max(to.get(partition)! - size, starts.get(partition) ?? 0)]));
    for (const [partition, position] of from) reader.seek(partition, position);
    const earlier = new Map<number, Found[]>();
    for await (const batch of batchesUntil(reader, from, to)) {
      const records = earlier.get(batch.partition) ?? [];
      for (const index of within(batch, from.get(batch.partition)!, to.get(batch.partition)!)) records.push({ batch, index });
      earlier.set(batch.partition, records.slice(-limit));
    }
    for (const partition of from.keys()) found.set(partition, [...(earlier.get(partition) ?? []), ...(found.get(partition) ?? [])].slice(-limit));
    to = new Map([...from].filter(([partition, position]) => found.get(partition)!.length < limit && position > (starts.get(partition) ?? 0)));
    if (to.size === 0) break;
  }
  return found;
}

function* within(batch: RecordBatch, from: number, to: number): Iterable<number> {
  for (let i = 0; i < batch.count; i++) if (batch.offset(i) >= from && batch.offset(i) < to) yield i;
}
