import { memoryBackend, type ChannelBackend } from '@millrace/core';
import { withFaults, type FaultAction, type FaultMember } from '@millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { counts, Counter, gate, nums, Place, range, Relay, Sink, Source, Summer, turns, type Num } from './fixtures.js';

let place: Place;
afterEach(() => place.clear());

const COUNT = 12;
const SUMS = range(COUNT).map((n) => (n * (n + 1)) / 2);

type Delivery = 'at-least-once' | 'exactly-once';

/** `counter` → `summer` → `copy`, and what is in the last channel at the end, read by a stranger: nothing that the test itself may double. */
function pipeline(delivery: Delivery): void {
  const counter = place.add(Counter, 'counter', counts(COUNT, 2), { delivery, commitInterval: 0 });
  const summer = place.add(Summer, 'summer', {
    async onRunning({ in: input, out, total }) {
      const sums = input.retrieve().map(({ n }) => ({ n: (total.sum += n) }));
      await out.send(sums);
    },
  }, { delivery, commitInterval: 0 });
  const copy = place.add(Relay, 'copy', { onRunning: async ({ in: input, out }) => out.send(input.retrieve()) }, { delivery, commitInterval: 0 });
  summer.in.connect(counter.out);
  copy.in.connect(summer.out);
  copy.out.to(`memory:${place.space}/results`);
}

const results = (): Promise<number[]> => recordsOf('results');

/** All numbers in a channel, in order. */
async function recordsOf(channel: string): Promise<number[]> {
  return place.look(async (transport) => {
    const session = await transport.open({ id: 'reader', delivery: 'at-least-once', wake() {} });
    const reader = await session.reader(channel, { group: 'reader', partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    const values: number[] = [];
    for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) {
      for (let i = 0; i < batch.count; i++) {
        // Encoded they are zigzag, in one or two bytes; in a channel of others these are behind the ten of the frame.
        const encoded = batch.bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1]);
        const [low = 0, high = 0] = encoded.length > 10 ? encoded.subarray(10) : encoded;
        values.push(batch.objects === undefined ? ((low & 0x7f) | (high << 7)) >> 1 : (batch.objects[i] as Num).n);
      }
    }
    return values;
  });
}

/** Sum of what the summer read: all that is in its channel. */
async function sumOfRead(): Promise<number> {
  return (await recordsOf('p.summer.in')).reduce((sum, n) => sum + n, 0);
}

/** Runs the pipeline with a fault at the n-th call of a member, and again without until it is done. @returns whether the fault happened */
async function crashAt(delivery: Delivery, member: FaultMember, at: number, action: FaultAction, after: boolean): Promise<boolean> {
  place = new Place();
  await place.look((transport) => transport.createResources([{ name: 'results', partitions: 1, groups: ['reader'] }, { name: 'p.summer.in', partitions: 1, groups: ['reader', 'p.summer.in'] }]));
  pipeline(delivery);
  const faulty = withFaults(memoryBackend, [{ member, at, action, after, owner: /^p\..*#0$/ }]);
  let outcome = await end(faulty);
  const happened = faulty.injected.length > 0;
  for (let starts = 0; outcome !== 'done' && starts < 5; starts++) outcome = await end(memoryBackend);
  expect(outcome).toBe('done');
  return happened;
}

async function end(backend: ChannelBackend): Promise<string> {
  try {
    return (await (await place.start({ backends: [backend], mode: 'WithoutResourceDeletion' })).completed).outcome;
  } catch (error) {
    expect(error).toMatchObject({ code: 'MILLRACE_INJECTED_FAULT' });
    return 'failed';
  }
}

const faults = (['session.commit', 'writer.writeRecords', 'reader.readRecords', 'transport.open', 'session.reader', 'session.writer', 'reader.loadInputRecordOffset', 'reader.endOffsets'] as const)
  .flatMap((member) => (['fail', 'cut'] as const).flatMap((action) => [false, true].map((after) => ({ member, action, after }))));

describe.each(faults)('after a crash at any call of $member ($action, after it: $after)', ({ member, action, after }) => {
  it('exactly-once gives each result once, in order', async () => {
    let at = 1;
    for (; await crashAt('exactly-once', member, at, action, after); at++) {
      expect(await results(), `crash at call ${at}`).toEqual(SUMS);
      await place.clear();
    }
    expect(await results()).toEqual(SUMS);
    expect(at).toBeGreaterThan(2);
  });

  it('at-least-once loses none: each result comes, in order but for what comes again, and state and positions stay together', async () => {
    let at = 1;
    for (; await crashAt('at-least-once', member, at, action, after); at++) {
      const values = await results();
      // The state holds each record up to the committed position once, also those that the source sent twice.
      expect(await place.stateOf('p.summer#0'), `crash at call ${at}`).toMatchObject({ 'state/total': { sum: await sumOfRead() } });
      expect(values.at(-1)).toBe(await sumOfRead());
      for (const [i, value] of values.entries()) if (i > 0 && value < values[i - 1]!) expect(values.slice(0, i), `crash at call ${at}: ${values.join(' ')}`).toContain(value);
      await place.clear();
    }
    expect(at).toBeGreaterThan(2);
  });
});

describe('under exactly-once', () => {
  it('nothing of a step is seen before its commit', async () => {
    place = new Place();
    const got: number[] = [];
    const sent = gate();
    const commit = gate();
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(0, 3));
        sent.open();
        await commit.opened;
        await out.send(nums(3, 5));
        return true;
      },
    }, { delivery: 'exactly-once' });
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => void got.push(...input.retrieve().map(({ n }) => n)) }).in.connect(source.out);
    const run = await place.start();
    await sent.opened;
    await turns(10);
    expect(got).toEqual([]);
    commit.open();
    await run.completed;
    expect(got).toEqual(range(5));
  });

  it('nothing of a step that failed is ever seen', async () => {
    place = new Place();
    const got: number[] = [];
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => (await out.send(nums(0, 3)), Promise.reject(new Error('no'))) }, { delivery: 'exactly-once' });
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => void got.push(...input.retrieve().map(({ n }) => n)) }).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toThrow('no');
    expect(got).toEqual([]);
  });
});
