import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BatchBuilder, laidOut } from '../batch/index.js';
import { AT, writeInt64 } from '../batch/format.js';
import { answerFetch, answerListOffsets, idOf, readFetch, ScriptedClient, settled, type AskedPartition } from '../client/scripted/fixtures.js';
import { batchOf, valuesOf } from '../fixtures.js';
import { Fetcher, type FetcherOptions } from './fetcher.js';
import type { Subscription, SubscriptionOptions } from './subscription.js';

/** A batch as it stands in the log, from an offset on. */
function stored(baseOffset: number, ...values: readonly string[]): Buffer {
  const builder = new BatchBuilder(10_000_000);
  builder.append(laidOut(batchOf(values)), 0);
  const bytes = Buffer.from(builder.seal({ producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }));
  writeInt64(bytes, baseOffset, AT.baseOffset);
  return bytes;
}

/** Where a reader stands that has nothing left to read. */
const TAIL = 1_000_000;

describe('a fetcher', () => {
  let scripted: ScriptedClient;
  let fetcher: Fetcher;
  let wakes: number;
  const start = (options: Partial<FetcherOptions> = {}): void => {
    fetcher = new Fetcher(scripted.client, { isolation: 'read_committed', maxWait: 500, maxBytes: 1_000_000, partitionBytes: 10_000, bufferBytes: 100_000, lane: 'fetch', ...options });
  };
  const subscribe = (partition: number, offset = 0, options: Partial<SubscriptionOptions> = {}): Subscription =>
    fetcher.subscribe('t', partition, offset, { framing: 'none', reset: 'fail', patience: 1000, wake: () => wakes++, ...options });
  /** Answers the oldest question: for each partition its records, none for those without. Tells what was asked. */
  const answer = (records: Readonly<Record<number, Buffer>> = {}, end = 0): AskedPartition[] => {
    const asked = scripted.take('Fetch');
    const { partitions } = readFetch(asked);
    answerFetch(asked, partitions.map(({ topic, partition }) => ({ topic, partition, end, records: records[partition] ?? Buffer.alloc(0) })));
    return partitions;
  };
  const read = (subscription: Subscription): string[] => {
    const values: string[] = [];
    for (let batch = subscription.take(); batch !== undefined; batch = subscription.take()) values.push(...valuesOf(batch));
    return values;
  };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    wakes = 0;
    scripted = new ScriptedClient().lead('t', 1, 1, 1);
    start();
  });
  afterEach(() => {
    fetcher.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('asks a leader for all partitions at once, and goes on behind what came', async () => {
    const [a, b] = [subscribe(0, 3), subscribe(1, 8)];
    await settled();
    expect(answer({ 0: stored(3, 'x', 'y') }, 9).map(({ partition, offset }) => [partition, offset])).toEqual([[0, 3], [1, 8]]);
    await settled();
    expect([read(a), read(b), a.position, wakes]).toEqual([['x', 'y'], [], 5, 1]);
    expect([a.hasRecords, b.hasRecords]).toEqual([true, true]);
    const { partitions } = readFetch(scripted.take('Fetch'));
    expect(partitions.map(({ partition, offset }) => [partition, offset])).toEqual([[1, 8], [0, 5]]);
  });

  it('readers at one offset share what comes; one that stands elsewhere is asked for over another connection', async () => {
    const subscriptions = [subscribe(0), subscribe(0), subscribe(0, 5)];
    await settled();
    expect(scripted.open('Fetch').map(({ lane }) => lane)).toEqual(['fetch-0', 'fetch-1']);
    answer({ 0: stored(0, 'x') });
    answer({ 0: stored(5, 'y') });
    await settled();
    expect(subscriptions.map(read)).toEqual([['x'], ['x'], ['y']]);
  });

  it('who found no room in an answer comes first in the next question', async () => {
    for (const partition of [0, 1, 2]) subscribe(partition);
    await settled();
    const orders = [answer({ 0: stored(0, 'x') })];
    await settled();
    orders.push(answer({ 1: stored(0, 'x') }));
    await settled();
    orders.push(answer());
    expect(orders.map((order) => order.map(({ partition }) => partition))).toEqual([[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
  });

  it('a reader at the end is asked for in time, however many others catch up', async () => {
    const behind = Array.from({ length: 6 }, (_, i) => subscribe(0, 100 * (i + 1)));
    for (const subscription of behind) subscription.end = TAIL;
    subscribe(0, TAIL);
    let waited = 0;
    for (let last = 0; waited < 3000; waited += 100) {
      await settled();
      const asked = scripted.open('Fetch').map((each) => [each, readFetch(each).partitions] as const);
      if (asked.some(([, partitions]) => partitions.some(({ offset }) => offset === TAIL))) last++;
      if (last === 2) break;
      for (const [each, partitions] of asked) answerFetch(each, partitions.map(({ partition, offset }) => ({ topic: 't', partition, end: TAIL, records: offset === TAIL ? Buffer.alloc(0) : stored(offset, 'x') })));
      await settled();
      for (const subscription of behind) read(subscription);
      await vi.advanceTimersByTimeAsync(100);
    }
    // Twice, each time after as long as a broker may wait, and the rounds of 100 ms in which this test looks.
    expect(waited).toBeLessThanOrEqual(1400);
  });

  it('asks for no more than fits into the buffer with all partitions; more where one batch needs it', async () => {
    start({ bufferBytes: 6000 });
    const subscriptions = [0, 1, 2].map((partition) => subscribe(partition));
    await settled();
    const large = stored(0, 'z'.repeat(5000));
    expect(answer({ 0: large.subarray(0, 1000) }).map(({ maxBytes }) => maxBytes)).toEqual([1000, 1000, 1000]);
    await settled();
    expect(answer({ 0: large }).map(({ partition, maxBytes }) => [partition, maxBytes])).toEqual([[0, large.length], [1, 1000], [2, 1000]]);
    await settled();
    // It has enough until it was read.
    expect(answer().map(({ partition }) => partition)).toEqual([1, 2]);
    expect(read(subscriptions[0]!)).toEqual(['z'.repeat(5000)]);
  });

  it('asks on before readers hear of what came, since they may keep the thread to themselves', async () => {
    const asked: number[] = [];
    subscribe(0, 0, { wake: () => asked.push(scripted.open('Fetch').length) });
    await settled();
    answer({ 0: stored(0, 'x') }, TAIL);
    await settled();
    expect(asked).toEqual([1]);
  });

  it('asks on while a whole answer waits, and for no third', async () => {
    const subscription = subscribe(0);
    await settled();
    // Small records, whose places take as many bytes as they do.
    const full = (from: number): Buffer => stored(from, ...Array.from({ length: 1000 }, () => 'x'));
    answer({ 0: full(0) }, TAIL);
    await settled();
    expect(subscription.bufferedBytes).toBeGreaterThan(10_000);
    answer({ 0: full(1000) }, TAIL);
    await settled();
    expect(scripted.open('Fetch')).toEqual([]);
    expect(read(subscription)).toHaveLength(2000);
    await settled();
    expect(scripted.open('Fetch')).toHaveLength(1);
  });

  it('an answer that comes after a seek, a pause or the end of a reader', async () => {
    const [sought, paused, gone] = [0, 1, 2].map((partition) => subscribe(partition)) as [Subscription, Subscription, Subscription];
    await settled();
    sought.seek(7);
    paused.paused = true;
    fetcher.unsubscribe(gone);
    await settled();
    expect(scripted.open('Fetch')).toHaveLength(2);
    answer({ 0: stored(0, 'old'), 1: stored(0, 'kept'), 2: stored(0, 'nobody') });
    expect(answer({ 0: stored(7, 'new') }).map(({ partition, offset }) => [partition, offset])).toEqual([[0, 7]]);
    await settled();
    expect([read(sought), read(paused), read(gone)]).toEqual([['new'], ['kept'], []]);
    expect(scripted.open('Fetch').flatMap((each) => readFetch(each).partitions.map(({ partition }) => partition))).toEqual([0]);
    paused.paused = false;
    await settled();
    expect(scripted.open('Fetch')).toHaveLength(2);
  });

  it('hears of a new leader, and fails where nobody leads for too long', async () => {
    const subscription = subscribe(0);
    await settled();
    scripted.onRefresh = () => void scripted.lead('t', 2);
    const asked = scripted.take('Fetch');
    answerFetch(asked, [{ topic: 't', partition: 0, error: 'NOT_LEADER_OR_FOLLOWER' }]);
    await vi.advanceTimersByTimeAsync(50);
    expect(scripted.take('Fetch').nodeId).toBe(2);
    scripted.onRefresh = () => void scripted.lead('t', undefined);
    scripted.take('Fetch').lose();
    await vi.advanceTimersByTimeAsync(900);
    expect(subscription.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1500);
    expect(subscription.failure).toMatchObject({ code: 'MILLRACE_TIMEOUT' });
    expect(wakes).toBe(1);
  });

  it('fails where another topic has taken the name of the one that is read', async () => {
    const subscription = subscribe(0, 5);
    await settled();
    expect(readFetch(scripted.take('Fetch')).partitions).toMatchObject([{ topicId: idOf('t'), offset: 5 }]);
    scripted.onRefresh = () => void scripted.drop('t').lead('t', 1);
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'UNKNOWN_TOPIC_ID' }]);
    await settled();
    expect(subscription.failure).toMatchObject({ code: 'MILLRACE_CHANNEL_UNKNOWN', channel: 't', message: expect.stringContaining('topic t was deleted and made anew while it was read') as string });
    scripted.onRefresh = () => undefined;
    const next = subscribe(0);
    await settled();
    expect(readFetch(scripted.take('Fetch')).partitions).toMatchObject([{ topicId: idOf('t', 1), offset: 0 }]);
    expect(next.failure).toBeUndefined();
  });

  it('fails where its topic is gone, unless it was only a broker that did not know of it yet', async () => {
    const subscription = subscribe(0, 0, { patience: 30_000 });
    await settled();
    scripted.onRefresh = () => void scripted.lead('t');
    const { client } = scripted;
    const topicId = vi.spyOn(client, 'topicId').mockReturnValue(undefined);
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'UNKNOWN_TOPIC_ID' }]);
    await vi.advanceTimersByTimeAsync(2500);
    topicId.mockRestore();
    scripted.onRefresh = () => void scripted.lead('t', 1);
    await vi.advanceTimersByTimeAsync(1500);
    expect(answer({ 0: stored(0, 'x') })).toHaveLength(1);
    await settled();
    expect([subscription.failure, read(subscription)]).toEqual([undefined, ['x']]);
    scripted.onRefresh = () => void scripted.drop('t');
    await settled();
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'UNKNOWN_TOPIC_OR_PARTITION' }]);
    await vi.advanceTimersByTimeAsync(2500);
    expect(subscription.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2000);
    expect(subscription.failure).toMatchObject({ code: 'MILLRACE_CHANNEL_UNKNOWN', message: expect.stringContaining('topic t was deleted while it was read') as string });
  });

  it('a refusal for good, and a damaged batch, fail the partition alone', async () => {
    const [refused, damaged, fine] = [0, 1, 2].map((partition) => subscribe(partition)) as [Subscription, Subscription, Subscription];
    await settled();
    const bad = stored(0, 'x');
    bad[bad.length - 1]! ^= 1;
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'TOPIC_AUTHORIZATION_FAILED' }, { topic: 't', partition: 1, records: bad }, { topic: 't', partition: 2, records: stored(0, 'x') }]);
    await settled();
    expect([refused.failure, damaged.failure, fine.failure]).toMatchObject([{ code: 'MILLRACE_BACKEND_FAILED' }, { code: 'MILLRACE_BATCH_UNREADABLE' }, undefined]);
    expect(read(fine)).toEqual(['x']);
  });

  it.each([
    ['fail', 5, false, undefined],
    ['earliest', 5, false, 10],
    ['latest', 5, false, 20],
    ['earliest', 99, false, 10],
    ['fail', 5, true, 10],
    ['fail', 99, true, 20],
  ] as const)('an offset that is not there: reset %s from %d, sought: %s', async (reset, offset, sought, expected) => {
    const subscription = subscribe(0, sought ? 0 : offset, { reset });
    if (sought) subscription.seek(offset);
    scripted.on('ListOffsets', (asked) => answerListOffsets(asked, ({ at }) => (at === 'earliest' ? 10 : 20)));
    await settled();
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'OFFSET_OUT_OF_RANGE' }]);
    await settled();
    if (expected === undefined) expect(subscription.failure).toMatchObject({ code: 'MILLRACE_OFFSET_OUT_OF_RANGE', offset: 5 });
    else expect([subscription.failure, readFetch(scripted.take('Fetch')).partitions[0]?.offset]).toEqual([undefined, expected]);
  });

  it('what came of other partitions does not wait until one of them has found its place', async () => {
    const [placed, lost] = [subscribe(0), subscribe(1, 99, { reset: 'earliest' })];
    await settled();
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, end: 1, records: stored(0, 'x') }, { topic: 't', partition: 1, error: 'OFFSET_OUT_OF_RANGE' }]);
    await settled();
    expect([wakes, read(placed), scripted.open('ListOffsets').length]).toEqual([1, ['x'], 2]);
    for (const asked of scripted.open('ListOffsets')) answerListOffsets(asked, ({ at }) => (at === 'earliest' ? 10 : 20));
    await settled();
    expect(lost.fetchOffset).toBe(10);
  });
});
