import { MillraceError } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answerProduce, settled } from '../client/scripted/fixtures.js';
import { laidOut } from '../batch/index.js';
import { batchOf } from '../fixtures.js';
import { ProducerBench, type SentRequest } from './fixtures.js';
import type { ProducerOptions } from './producer.js';

/** Time passes, and all that follows from it happens. */
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

/** Stores all that comes until nothing comes any more, and tells the beginning of each batch. */
async function drain(bench: ProducerBench): Promise<string[]> {
  const seen: string[] = [];
  for (let quiet = 0; quiet < 20; quiet++) {
    await pass(50);
    while (bench.underWay > 0) {
      quiet = 0;
      const request = bench.sent();
      seen.push(...request.summary.map((summary) => summary.slice(0, 6)));
      request.answer();
    }
  }
  return seen;
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('a producer', () => {
  let bench: ProducerBench;
  beforeEach(() => {
    bench = new ProducerBench();
    bench.scripted.lead('t', 1, 1, 2);
  });
  afterEach(() => bench.producer.close(new Error('the test is over')));

  it('sends a batch once it has waited for as long as it may', async () => {
    bench.write(0, 'a');
    await pass(4);
    bench.write(0, 'b');
    expect(bench.underWay).toBe(0);
    await pass(1);
    expect(bench.sent().summary).toEqual(['0@0: a b']);
  });

  it('sends a full batch at once, and what others of the leader have gathered along with it', async () => {
    bench.write(1, 'other');
    bench.write(2, 'elsewhere');
    bench.write(0, 'x'.repeat(600), 'y'.repeat(600));
    await settled();
    expect(bench.underWay).toBe(1);
    expect(bench.sent().summary).toEqual(['1@0: other', `0@0: ${'x'.repeat(600)}`]);
  });

  it('has two requests of a leader under way, and gathers meanwhile', async () => {
    bench.write(0, ...['a', 'b', 'c', 'd'].map((value) => value.repeat(900)));
    await pass(100);
    expect(bench.underWay).toBe(2);
    bench.sent().answer();
    await settled();
    expect(bench.underWay).toBe(2);
    expect(await drain(bench)).toEqual(['0@1: b', '0@2: c', '0@3: d']);
    expect(bench.budget.used).toBe(0);
  });

  it('sends what is flushed without waiting, and tells when it is stored', async () => {
    bench.write(0, 'a');
    bench.write(2, 'b');
    let done = false;
    const flushed = bench.producer.flush().then(() => (done = true));
    await settled();
    expect(bench.scripted.open('Produce').map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    bench.sent().answer(undefined, 40);
    await settled();
    expect(done).toBe(false);
    bench.sent().answer();
    await flushed;
    expect(bench.producer.queue('t', 0).end).toBe(41);
  });

  it('two flushes of the same batch are both told', async () => {
    bench.write(0, 'a');
    const flushes = [bench.producer.flush(), bench.producer.flush()];
    await settled();
    bench.sent().answer();
    expect(await Promise.all(flushes)).toEqual([undefined, undefined]);
  });

  it('a flush waits for a batch that an earlier flush has under way', async () => {
    bench.write(0, 'a');
    const first = bench.producer.flush();
    await settled();
    bench.write(1, 'b');
    const second = bench.producer.flush();
    await settled();
    bench.sent().answer();
    bench.sent().answer();
    expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
  });

  it('sends again in order and under the same sequence numbers what a leader refused for now', async () => {
    bench.write(0, ...['a', 'b', 'c'].map((value) => value.repeat(900)));
    await settled();
    const [first, second] = [bench.sent(), bench.scripted.open('Produce')[1]];
    first.answer('NOT_LEADER_OR_FOLLOWER');
    await pass(1000);
    // Nothing goes past the batch that has to be sent again, nor that one before it is known what became of those behind it.
    expect(bench.scripted.open('Produce')).toEqual([second]);
    bench.sent().answer('OUT_OF_ORDER_SEQUENCE_NUMBER');
    const flushed = bench.producer.flush();
    expect(await drain(bench)).toEqual(['0@0: a', '0@1: b', '0@2: c']);
    await flushed;
  });

  describe('where a broker that was restarted knows the last of two batches alone', () => {
    /** Both were stored, and both answers were lost. */
    const restart = async (renewing: Partial<ProducerOptions>): Promise<{ readonly flushed: Promise<void>; readonly again: SentRequest }> => {
      bench = new ProducerBench(renewing);
      bench.scripted.lead('t', 1);
      bench.write(0, ...['a', 'b', 'c'].map((value) => value.repeat(900)));
      await settled();
      bench.sent().lose();
      bench.sent().lose();
      const flushed = bench.producer.flush();
      flushed.catch(() => undefined);
      await pass(100);
      const again = bench.sent();
      expect(again.summary.map((summary) => summary.slice(0, 6))).toEqual(['0@0: a']);
      return { flushed, again };
    };

    it('goes on as another producer outside transactions: both are sent again', async () => {
      const renew = vi.fn(() => Promise.resolve({ producerId: 8, producerEpoch: 3 }));
      const { flushed, again } = await restart({ renew });
      again.answer('OUT_OF_ORDER_SEQUENCE_NUMBER');
      await pass(0);
      expect(renew).toHaveBeenCalledExactlyOnceWith({ topic: 't', partition: 0 }, expect.objectContaining({ code: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }));
      const renewed = [bench.sent(), bench.next(1)];
      expect(renewed.flatMap(({ batches }) => batches.map(({ producerId, sequence, values }) => [producerId, sequence, values[0]?.[0]]))).toEqual([[8, 0, 'a'], [8, 1, 'b']]);
      for (const request of renewed) request.answer();
      await pass(0);
      const last = bench.sent();
      expect(last.batches).toMatchObject([{ producerId: 8, sequence: 2 }]);
      last.answer();
      await flushed;
      expect(bench.failures).toEqual([]);
    });

    it.each([
      ['a transaction', {}],
      ['no other identity to be had', { renew: () => Promise.reject(new Error('none to be had')) }],
    ])('fails with %s', async (_, options) => {
      const { flushed, again } = await restart(options);
      again.answer('OUT_OF_ORDER_SEQUENCE_NUMBER');
      await expect(flushed).rejects.toThrow(/MILLRACE_TRANSACTION_LOST.*OUT_OF_ORDER_SEQUENCE_NUMBER|none to be had/s);
      expect(bench.failures).toHaveLength(1);
    });
  });

  it('keeps the numbers of batches whose outcome is unknown', async () => {
    bench.write(0, ...['a', 'b', 'c'].map((value) => value.repeat(900)));
    await settled();
    bench.sent().lose('timeout');
    bench.sent().lose();
    const flushed = bench.producer.flush();
    expect(await drain(bench)).toEqual(['0@0: a', '0@1: b', '0@2: c']);
    await flushed;
  });

  it('asks who leads, and goes there', async () => {
    bench.scripted.onRefresh = () => void bench.scripted.lead('t', 2);
    bench.write(0, 'a');
    const flushed = bench.producer.flush();
    await settled();
    bench.sent().answer('NOT_LEADER_OR_FOLLOWER');
    await pass(50);
    const again = bench.sent();
    expect([again.asked.nodeId, again.summary]).toEqual([2, ['0@0: a']]);
    again.answer();
    await flushed;
  });

  it('waits for a leader, and gives up after the time for deliveries', async () => {
    bench.scripted.lead('t', undefined, 1);
    bench.write(0, 'a');
    const failure = expect(bench.producer.flush()).rejects.toThrow(/MILLRACE_TIMEOUT.*nobody leads partition 0 of topic t for 10000 ms/s);
    await pass(9_000);
    expect(bench.failures).toEqual([]);
    await pass(2_000);
    await failure;
    expect(bench.failures).toHaveLength(1);
    expect(bench.budget.used).toBe(0);
  });

  it('gives up what is refused for good, and all else with it', async () => {
    bench.write(0, 'a');
    bench.write(1, 'b');
    const failure = expect(bench.producer.flush()).rejects.toThrow(/MILLRACE_RECORD_TOO_LARGE.*1 records.*partition 0 of topic t.*batchBytes/s);
    await settled();
    bench.sent().answer('MESSAGE_TOO_LARGE');
    await failure;
    expect(bench.failures).toHaveLength(1);
    expect(() => bench.write(0, 'c')).toThrow(/MILLRACE_RECORD_TOO_LARGE/);
    await expect(bench.producer.flush()).rejects.toThrow(/MILLRACE_RECORD_TOO_LARGE/);
  });

  it('takes back what it counted exactly once where one partition of an answer fails and another is stored', async () => {
    bench.write(0, 'a');
    bench.write(1, 'b');
    const failure = expect(bench.producer.flush()).rejects.toThrow(MillraceError);
    await settled();
    const { asked } = bench.sent();
    answerProduce(asked, [{ topic: 't', partition: 0, error: 'INVALID_RECORD' }, { topic: 't', partition: 1 }]);
    await failure;
    await settled();
    expect(bench.budget.used).toBe(0);
  });

  it('counts a batch for as much as it gives back', async () => {
    for (let i = 0; i < 3; i++) {
      bench.write(0, 'abc');
      const flushed = bench.producer.flush();
      expect(bench.budget.used).toBeGreaterThan(0);
      await settled();
      bench.sent().answer();
      await flushed;
      expect(bench.budget.used).toBe(0);
    }
  });

  it('a write that was refused leaves nothing behind to be sent', async () => {
    expect(() => bench.producer.write(bench.producer.queue('t', 0), laidOut({ ...batchOf(['a']), timestamp: -1 }))).toThrow(/MILLRACE_VALUE_INVALID/);
    await bench.producer.flush();
    await pass(100);
    expect(bench.scripted.count('Produce')).toBe(0);
    expect(bench.budget.used).toBe(0);
  });

  it.each(['a value that throws', 'what the caller finds'])('takes nothing of records that fill several batches for %s', async (reason) => {
    const records = laidOut(batchOf(Array.from({ length: 100 }, (_, i) => `${i}`.padStart(50, '.'))));
    const { encoding } = records;
    const failing = reason === 'a value that throws' ? { ...records, encoding: { encode: (value: number, buffer: Buffer, position: number) => (value === 99 ? expect.fail('refused') : encoding.encode(value, buffer, position)) } } : records;
    let found: unknown;
    const check = (...told: unknown[]): void => {
      found = told;
      if (failing === records) expect.fail('refused');
    };
    const queue = bench.producer.queue('t', 0);
    const reuse = vi.spyOn(bench.budget, 'reuse');
    for (const before of ['', 'first']) {
      if (before !== '') bench.write(0, before);
      const { used } = bench.budget;
      expect(() => bench.producer.write(queue, failing, undefined, check)).toThrow('refused');
      expect(bench.budget.used).toBe(used);
    }
    expect(found).toEqual(failing === records ? [5000, 50] : undefined);
    // All that were begun, but for the one that was open: 16 records fill one.
    expect(reuse).toHaveBeenCalledTimes(13);
    bench.write(0, 'last');
    const flushed = bench.producer.flush();
    await settled();
    const request = bench.sent();
    expect(request.summary).toEqual(['0@0: first last']);
    request.answer();
    await flushed;
    expect(bench.budget.used).toBe(0);
  });

  it('refuses an acknowledgement that does not say where the records stand', async () => {
    bench.write(0, 'a');
    const failure = expect(bench.producer.flush()).rejects.toThrow(/without their offset/);
    await settled();
    bench.sent().answer(undefined, -1);
    await failure;
    expect(bench.producer.queue('t', 0).end).toBeUndefined();
  });

  it('fails where a batch cannot be packed', async () => {
    bench = new ProducerBench({ compression: 'nonsense' as 'gzip' });
    bench.scripted.lead('t', 1);
    bench.write(0, 'a');
    await expect(bench.producer.flush()).rejects.toThrow(MillraceError);
    expect(bench.failures).toHaveLength(1);
  });

  it('a request takes so many bytes, and what waits longest comes first', async () => {
    bench = new ProducerBench({ batchBytes: 10_000_000 }, 100_000_000);
    bench.scripted.lead('t', 1, 1, 1);
    const large = 'x'.repeat(9_000_000);
    for (const partition of [0, 1, 2]) bench.write(partition, large);
    const flushed = bench.producer.flush();
    await settled();
    const first = bench.sent();
    expect(first.batches.map(({ partition }) => partition)).toEqual([0, 1]);
    first.answer();
    expect(bench.sent().batches.map(({ partition }) => partition)).toEqual([2]);
    bench.producer.close(new Error('enough'));
    await expect(flushed).rejects.toThrow('enough');
  });

  it('closing gives up all, and no timer is left', async () => {
    bench.write(0, 'a');
    const failure = expect(bench.producer.flush()).rejects.toThrow('closed by the test');
    bench.write(0, 'b');
    await settled();
    bench.producer.close(new Error('closed by the test'));
    await failure;
    bench.sent().answer();
    await settled();
    expect([bench.budget.used, vi.getTimerCount(), bench.failures]).toEqual([0, 0, []]);
  });
});

/** A transaction whose joins wait for the test. */
class Joins {
  readonly transactionalId = 'owner';
  readonly asked: { readonly partitions: readonly number[]; readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  join(partitions: readonly { readonly partition: number }[]): Promise<void> {
    return new Promise((resolve, reject) => this.asked.push({ partitions: partitions.map(({ partition }) => partition), resolve, reject }));
  }

  async refusal(): Promise<Error> {
    return new Error('what the transaction makes of it');
  }
}

describe('a producer in transactions', () => {
  let bench: ProducerBench;
  let joins: Joins;
  beforeEach(() => {
    joins = new Joins();
    bench = new ProducerBench({ transaction: joins });
    bench.scripted.lead('t', 1, 1, 2);
  });
  afterEach(() => bench.producer.close(new Error('the test is over')));

  it('sends nothing to a partition before it joined; partitions of several leaders join together', async () => {
    bench.write(0, 'a');
    bench.write(2, 'b');
    const flushed = bench.producer.flush();
    await settled();
    expect([joins.asked.map(({ partitions }) => partitions), bench.underWay]).toEqual([[[0, 2]], 0]);
    bench.write(1, 'c');
    await pass(50);
    expect(joins.asked).toHaveLength(1);
    joins.asked[0]?.resolve();
    await settled();
    expect(bench.scripted.open('Produce').map(({ nodeId }) => nodeId)).toEqual([1, 2]);
    const first = bench.sent();
    expect([first.transactionalId, first.batches[0]?.transactional]).toEqual(['owner', true]);
    first.answer();
    bench.sent().answer();
    await flushed;
    await pass(10);
    expect(joins.asked[1]?.partitions).toEqual([1]);
  });

  it('goes on sending to partitions that have joined while others do', async () => {
    bench.write(0, 'a');
    await pass(10);
    joins.asked[0]?.resolve();
    await settled();
    bench.sent().answer();
    bench.write(1, 'b');
    await pass(10);
    bench.write(0, 'c');
    await pass(10);
    expect(bench.sent().summary).toEqual(['0@1: c']);
    expect(joins.asked[1]?.partitions).toEqual([1]);
  });

  it('what is written while it is held waits, and joins the next transaction', async () => {
    bench.write(0, 'a');
    bench.producer.hold();
    const flushed = bench.producer.flush();
    bench.write(0, 'next');
    bench.write(1, 'next');
    await settled();
    expect(joins.asked[0]?.partitions).toEqual([0]);
    joins.asked[0]?.resolve();
    await settled();
    const request = bench.sent();
    expect(request.summary).toEqual(['0@0: a']);
    request.answer();
    await flushed;
    await pass(100);
    expect([bench.underWay, joins.asked.length]).toEqual([0, 1]);
    bench.producer.leaveTransaction();
    bench.producer.release();
    await settled();
    expect([joins.asked[1]?.partitions, bench.underWay]).toEqual([[0, 1], 0]);
    joins.asked[1]?.resolve();
    await settled();
    expect(bench.sent().summary).toEqual(['0@1: next', '1@0: next']);
  });

  it('fails where a partition cannot join', async () => {
    bench.write(0, 'a');
    const failure = expect(bench.producer.flush()).rejects.toThrow('no');
    await settled();
    joins.asked[0]?.reject(new Error('no'));
    await failure;
    expect(bench.failures).toHaveLength(1);
  });

  it('asks the transaction what it means that a broker knows a newer epoch', async () => {
    bench.write(0, 'a');
    const failure = expect(bench.producer.flush()).rejects.toThrow('what the transaction makes of it');
    await settled();
    joins.asked[0]?.resolve();
    await settled();
    bench.sent().answer('INVALID_PRODUCER_EPOCH');
    await failure;
    expect(bench.scripted.count('Produce')).toBe(1);
  });
});
