import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { KafkaErrorName } from '../client/error-codes.js';
import { ProducerBench, type SentBatch, type SentRequest } from './fixtures.js';

const PARTITIONS = 3;
/** Batches of a producer in a partition that a broker knows again. */
const REMEMBERED = 5;

/** What a broker does with a request, and what comes of its answer. */
type Fate = 'ok' | 'refused' | 'lost before' | 'lost behind' | 'timed out behind' | 'moved' | 'restarted behind';
const FATES: readonly Fate[] = ['ok', 'refused', 'lost before', 'lost behind', 'timed out behind', 'moved'];

/** Appends as Kafka's leaders do: the batch that follows, once; one of the last five of a producer again without effect; nothing else. */
class ModelPartition {
  readonly log: string[] = [];
  readonly #producers = new Map<number, { known: { readonly sequence: number; readonly offset: number }[]; next: number }>();

  append({ producerId, sequence, values }: SentBatch): { readonly error?: KafkaErrorName; readonly baseOffset: number } {
    const producer = this.#producers.get(producerId) ?? { known: [], next: 0 };
    this.#producers.set(producerId, producer);
    const known = producer.known.find((each) => each.sequence === sequence);
    if (known !== undefined) return { baseOffset: known.offset };
    if (sequence !== producer.next) return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', baseOffset: -1 };
    producer.known.push({ sequence, offset: this.log.length });
    if (producer.known.length > REMEMBERED) producer.known.shift();
    producer.next += values.length;
    const baseOffset = this.log.length;
    this.log.push(...values);
    return { baseOffset };
  }

  /** A snapshot of producers has the last batch of each. */
  restart(): void {
    for (const producer of this.#producers.values()) producer.known = producer.known.slice(-1);
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const stepsWith = (...fates: readonly Fate[]) => fc.array(fc.record({
  write: fc.array(fc.record({ partition: fc.nat(PARTITIONS - 1), size: fc.integer({ min: 1, max: 900 }) }), { maxLength: 4 }),
  /** Which of the requests under way is dealt with, and how. */
  answers: fc.array(fc.record({ which: fc.nat(3), fate: fc.constantFrom(...fates) }), { maxLength: 3 }),
  wait: fc.nat(400),
  flush: fc.boolean(),
}), { maxLength: 25 });

it('whatever brokers do, every record is stored once and in order', async () => {
  await fc.assert(fc.asyncProperty(stepsWith(...FATES), async (steps) => {
    const { produced, stored, ends } = await run(steps);
    expect(stored).toEqual(produced);
    expect(ends).toEqual(produced.map(({ length }) => (length === 0 ? undefined : length)));
  }), { numRuns: 60 });
});

it('also where they are restarted nothing is lost, and what doubles comes behind what is in order', async () => {
  let doubled = 0;
  // Where leaders move too, a batch may be acknowledged before the one that it follows: then the producer fails.
  await fc.assert(fc.asyncProperty(stepsWith('ok', 'refused', 'lost before', 'lost behind', 'restarted behind'), async (steps) => {
    const { produced, stored, ends } = await run(steps);
    expect(stored.map((values) => [...new Set(values)])).toEqual(produced);
    expect(ends).toEqual(stored.map(({ length }) => (length === 0 ? undefined : length)));
    doubled += stored.flat().length - produced.flat().length;
  }), { numRuns: 100 });
  expect(doubled).toBeGreaterThan(0);
});

async function run(steps: readonly { readonly write: readonly { readonly partition: number; readonly size: number }[]; readonly answers: readonly { readonly which: number; readonly fate: Fate }[]; readonly wait: number; readonly flush: boolean }[]): Promise<{ produced: string[][]; stored: string[][]; ends: (number | undefined)[] }> {
  const bench = new ProducerBench({ deliveryTimeout: 1e9, renew: () => Promise.resolve({ producerId: ++producers, producerEpoch: 0 }) });
  let producers = 100;
  const leaders = [1, 2, 1];
  bench.scripted.lead('t', ...leaders);
  bench.scripted.onRefresh = () => void bench.scripted.lead('t', ...leaders);
  const partitions = Array.from({ length: PARTITIONS }, () => new ModelPartition());
  const produced: string[][] = partitions.map(() => []);
  const flushes: Promise<void>[] = [];
  let taken: SentRequest[] = [];
  const answer = async (which: number, fate: Fate): Promise<void> => {
    while (bench.underWay > taken.length) taken.push(bench.next(taken.length));
    // A connection is answered in the order of its requests.
    const request = taken[which % Math.max(1, taken.length)];
    const first = taken.find(({ asked }) => asked.nodeId === request?.asked.nodeId);
    if (first === undefined) return;
    if (fate === 'moved') for (const { partition } of first.batches) leaders[partition] = 3 - (leaders[partition] ?? 1);
    const appends = fate === 'ok' || fate.endsWith('behind');
    const results = first.batches.map((batch) => {
      if (!appends) return { ...batch, error: fate === 'moved' ? 'NOT_LEADER_OR_FOLLOWER' as const : 'NOT_ENOUGH_REPLICAS' as const };
      return { ...batch, ...partitions[batch.partition]!.append(batch) };
    });
    if (fate === 'ok' || fate === 'refused' || fate === 'moved') {
      taken = taken.filter((each) => each !== first);
      first.answerEach(results);
    } else {
      // What came behind on the connection is lost with it: the broker may have it, too.
      for (const lost of taken.filter(({ asked }) => asked.nodeId === first.asked.nodeId)) {
        if (lost !== first && appends) for (const batch of lost.batches) partitions[batch.partition]!.append(batch);
        lost.lose(fate === 'timed out behind' ? 'timeout' : 'connection');
      }
      taken = taken.filter(({ asked }) => asked.nodeId !== first.asked.nodeId);
      if (fate === 'restarted behind') for (const partition of partitions) partition.restart();
    }
    await vi.advanceTimersByTimeAsync(0);
  };
  let count = 0;
  for (const { write, answers, wait, flush } of steps) {
    for (const { partition, size } of write) {
      const value = `${count++}`.padEnd(size, '.');
      produced[partition]?.push(value);
      bench.write(partition, value);
    }
    if (flush) flushes.push(bench.producer.flush());
    await vi.advanceTimersByTimeAsync(wait);
    for (const { which, fate } of answers) await answer(which, fate);
  }
  flushes.push(bench.producer.flush());
  for (let rounds = 0; rounds < 1000 && bench.budget.used > 0; rounds++) {
    await vi.advanceTimersByTimeAsync(bench.underWay === 0 ? 300 : 1);
    await answer(0, 'ok');
  }
  expect(bench.failures).toEqual([]);
  expect(bench.budget.used).toBe(0);
  await Promise.all(flushes);
  const ends = partitions.map((_, partition) => bench.producer.queue('t', partition).end);
  bench.producer.close(new Error('the test is over'));
  return { produced, stored: partitions.map(({ log }) => log), ends };
}
