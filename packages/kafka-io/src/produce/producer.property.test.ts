import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { KafkaErrorName } from '../client/error-codes.js';
import { ProducerBench, type SentBatch, type SentRequest } from './fixtures.js';

const PARTITIONS = 3;
/** Batches of a producer in a partition that a broker knows again. */
const REMEMBERED = 5;

/** What a broker does with a request, and what comes of its answer. */
type Fate = 'ok' | 'refused' | 'lost before' | 'lost behind' | 'timed out behind' | 'moved';
const FATES: readonly Fate[] = ['ok', 'refused', 'lost before', 'lost behind', 'timed out behind', 'moved'];

/** Appends as Kafka's leaders do: the batch that follows, once; one of the last five again without effect; nothing else. */
class ModelPartition {
  readonly log: string[] = [];
  readonly #known: { readonly sequence: number; readonly offset: number }[] = [];
  #next = 0;

  append({ sequence, values }: SentBatch): { readonly error?: KafkaErrorName; readonly baseOffset: number } {
    const known = this.#known.find((each) => each.sequence === sequence);
    if (known !== undefined) return { baseOffset: known.offset };
    if (sequence !== this.#next) return { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', baseOffset: -1 };
    this.#known.push({ sequence, offset: this.log.length });
    if (this.#known.length > REMEMBERED) this.#known.shift();
    this.#next += values.length;
    const baseOffset = this.log.length;
    this.log.push(...values);
    return { baseOffset };
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

it('whatever brokers do, every record is stored once and in order', async () => {
  const step = fc.record({
    write: fc.array(fc.record({ partition: fc.nat(PARTITIONS - 1), size: fc.integer({ min: 1, max: 900 }) }), { maxLength: 4 }),
    /** Which of the requests under way is dealt with, and how. */
    answers: fc.array(fc.record({ which: fc.nat(3), fate: fc.constantFrom(...FATES) }), { maxLength: 3 }),
    wait: fc.nat(400),
    flush: fc.boolean(),
  });
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const { produced, stored, ends } = await run(steps);
    expect(stored).toEqual(produced);
    expect(ends).toEqual(produced.map(({ length }) => (length === 0 ? undefined : length)));
  }), { numRuns: 60 });
});

async function run(steps: readonly { readonly write: readonly { readonly partition: number; readonly size: number }[]; readonly answers: readonly { readonly which: number; readonly fate: Fate }[]; readonly wait: number; readonly flush: boolean }[]): Promise<{ produced: string[][]; stored: string[][]; ends: (number | undefined)[] }> {
  const bench = new ProducerBench({ deliveryTimeout: 1e9 });
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
