import { describe, expect, it } from 'vitest';
import { BatchBuilder, laidOut } from '../batch/index.js';
import { batchOf } from '../fixtures.js';
import { PartitionQueue, type Batch } from './partition-queue.js';

/** A queue with a batch of so many records for each number. */
function queueOf(...counts: readonly number[]): { readonly queue: PartitionQueue; readonly batches: Batch[] } {
  const queue = new PartitionQueue('t', 0);
  const batches = counts.map((count): Batch => {
    const builder = new BatchBuilder(100_000);
    builder.append(laidOut(batchOf(Array.from({ length: count }, () => 'x'))), 0);
    return { builder, since: 0, barriers: [], bytes: undefined, sequence: -1, attempts: 0 };
  });
  queue.waiting.push(...batches);
  return { queue, batches };
}

describe('the batches of a partition', () => {
  it('are numbered as they are first sent, and keep their numbers', () => {
    const { queue, batches: [a, b, c] } = queueOf(3, 2, 1);
    expect([queue.send(), queue.send()]).toEqual([a, b]);
    queue.giveBack(a!);
    queue.acknowledge(b!, 10);
    expect(queue.send()).toBe(a);
    queue.acknowledge(a!, 7);
    expect(queue.send()).toBe(c);
    expect([a, b, c].map((each) => each?.sequence)).toEqual([0, 3, 5]);
    expect(queue.end).toBe(12);
  });

  it('five are under way at most', () => {
    const { queue, batches } = queueOf(1, 1, 1, 1, 1, 1);
    for (let i = 0; i < 5; i++) expect(queue.send()).toBe(batches[i]);
    expect(queue.send()).toBeUndefined();
    queue.acknowledge(batches[2]!, 0);
    expect(queue.send()).toBe(batches[5]);
  });

  it('one that has to be sent again goes alone, before those behind it', () => {
    const { queue, batches: [a, b, c] } = queueOf(1, 1, 1);
    queue.send();
    queue.send();
    queue.giveBack(b!);
    expect([queue.hasEarlier(b!), queue.next()]).toEqual([true, undefined]);
    queue.giveBack(a!);
    expect(queue.waiting).toEqual([a, b, c]);
    expect([queue.hasEarlier(a!), queue.hasEarlier(b!)]).toEqual([false, true]);
    expect([queue.send(), queue.send()]).toEqual([a, undefined]);
  });

  it('numbers go on from 0 behind 2^31 - 1, in order', () => {
    const { queue, batches: [a, b, c] } = queueOf(1, 4, 1);
    // As if 2^31 - 3 records had been sent.
    const first = queue.send()!;
    expect(first).toBe(a);
    queue.giveBack(a!);
    a!.sequence = -1;
    a!.attempts = 0;
    Object.defineProperty(a!.builder, 'count', { value: 2 ** 31 - 4 });
    queue.waiting.length = 0;
    queue.waiting.push(a!, b!, c!);
    expect(queue.send()).toBe(a);
    queue.acknowledge(a!, 0);
    expect([queue.send(), queue.send()]).toEqual([b, c]);
    expect([b!.sequence, c!.sequence]).toEqual([2 ** 31 - 3, 1]);
    expect([queue.hasEarlier(b!), queue.hasEarlier(c!)]).toEqual([false, true]);
    queue.giveBack(c!);
    queue.giveBack(b!);
    expect(queue.waiting).toEqual([b, c]);
  });
});
