import { SettableClock, withFaults } from '@millrace/testing';
import { memoryBackend } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, Counter, gate, Num, nums, Place, Relay, sends, Sink, Source, Summer, turns, watchCommits } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** A source whose steps a test lets go one by one. */
function stepwise(count: number) {
  const steps = Array.from({ length: count }, () => gate());
  let next = 0;
  return {
    role: {
      async onRunning({ out }: Source) {
        const step = next++;
        await steps[step]!.opened;
        await out.send([{ n: step }]);
        return next === count;
      },
    },
    async step(): Promise<void> {
      const step = next - 1;
      steps[step]!.open();
      await place.until(() => next > step + 1);
    },
    finish: () => steps.at(-1)!.open(),
  };
}

describe('a commit', () => {
  it('comes at the interval while there is work, after the step in which that passed', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    const steps = stepwise(12);
    const source = place.add(Source, 'source', steps.role, { commitInterval: 10 });
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    const run = await place.start({ clock, backends: [backend] });
    await place.until(() => run.stages.get('p.source#0') === 'OperationRunning');
    await turns();
    const after: number[] = [];
    for (let step = 0; step < 11; step++) {
      await clock.advance(4);
      const before = of('p.source#0').length;
      await steps.step();
      if (of('p.source#0').length > before) after.push(step);
    }
    // Something to commit since step 0, at 4 ms; due at 14, done after step 3, at 16; and so on.
    expect(after).toEqual([3, 7]);
    steps.finish();
    await run.completed;
  });

  it('comes at once when there is nothing else to do', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    const got: number[] = [];
    let sent = false;
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        if (!sent) void out.send([{ n: 1 }]);
        sent = true;
      },
    }, { commitInterval: 1_000_000, delivery: 'exactly-once' });
    place.add(Sink, 'sink', collects(got), { commitInterval: 1_000_000 }).in.connect(source.out);
    const run = await place.start({ clock, backends: [backend] });
    await place.until(() => got.length === 1);
    await turns();
    expect(of('p.source#0').map(({ ends }) => ends)).toEqual([{ 'p.sink.in/0': 1 }]);
    expect(of('p.sink#0').map(({ positions }) => positions)).toEqual([{ 'p.sink.in/0': 1 }]);
    await run.stop({ mode: 'now' });
  });

  it.each(['retrieve', 'a loop'])('that takes long, with nothing else to do, comes again after four times as long (%s)', async (how) => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    const slow = withFaults(backend, { clock, faults: [{ member: 'session.commit', owner: 'p.sink#0', action: 'delay', delay: 10 }] });
    const steps = stepwise(3);
    const source = place.add(Source, 'source', steps.role);
    const got: number[] = [];
    place.add(Sink, 'sink', how === 'retrieve' ? collects(got) : {
      async onRunning(sink) {
        for await (const batch of sink.in) got.push(...batch.map(({ n }) => n));
      },
    }).in.connect(source.out);
    const run = await place.start({ clock, backends: [slow] });
    const passes = async (ms: number): Promise<number> => {
      for (let i = 0; i < ms; i++) {
        await clock.advance(1);
        await turns();
      }
      return of('p.sink#0').length;
    };
    await place.until(() => run.stages.get('p.source#0') === 'OperationRunning');
    await steps.step();
    await place.until(() => got.length === 1);
    await turns();
    expect(await passes(10)).toBe(1);
    await steps.step();
    await place.until(() => got.length === 2);
    await turns();
    expect([await passes(39), await passes(1)]).toEqual([1, 2]);
    steps.finish();
    await run.completed;
  });

  it('comes before its time where somebody needs it: what is staged fills the channel', async () => {
    place = new Place('records=3');
    const got: number[] = [];
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        void out.send([{ n: 1 }]);
        return got.length > 0;
      },
    }, { commitInterval: 1_000_000, delivery: 'exactly-once' });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
  });

  it('comes before its time where somebody needs it: a writer waits for the room that a reader has to make', async () => {
    place = new Place('records=3');
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(20));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for (const { n } of sink.in.retrieve()) got.push(n);
        // Never idle: always another step to make.
        sink.ask();
        await turns(1);
        return got.length === 20;
      },
    }, { commitInterval: 1_000_000 }).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got.length).toBe(20);
  });

  it('is not made where nothing has changed: neither by steps without a result, nor by ticks', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    let steps = 0;
    let ticks = 0;
    place.add(Counter, 'source', { onRunning: () => void steps++, onTick: () => void ticks++ }, { tick: 5 });
    const run = await place.start({ clock, backends: [backend] });
    await place.until(() => steps === 1);
    for (let i = 0; i < 200; i++) {
      await clock.advance(1);
      await turns();
    }
    expect([ticks, steps > 3, of('p.source#0')]).toEqual([40, true, []]);
    expect((await run.metrics()).replicas[0]?.commits).toBe(0);
    await run.stop({ mode: 'now' });
  });

  it('takes state along that a step changed which neither read nor sent', async () => {
    const { backend, of } = watchCommits();
    let steps = 0;
    place.add(Counter, 'source', {
      onRunning({ progress }) {
        if (++steps === 1) progress.next = 7;
        return steps === 3;
      },
    });
    await (await place.start({ backends: [backend] })).completed;
    expect(of('p.source#0').map(({ state }) => state)).toEqual([{ 'state/progress': { next: 7 } }, { framework: { v: 1, done: true } }]);
  });

  it('is the last word of a replica that is done, also of one that did nothing', async () => {
    const { backend, of } = watchCommits();
    place.add(Source, 'source', { onRunning: () => true });
    await (await place.start({ backends: [backend] })).completed;
    expect(of('p.source#0').map(({ state }) => state)).toEqual([{ framework: { v: 1, done: true } }]);
  });

  it.each(['at-least-once', 'exactly-once'] as const)('that fails ends the run with its error, %s', async (delivery) => {
    const backend = withFaults(memoryBackend, [{ member: 'session.commit', owner: 'p.sink#0', action: 'fail' }]);
    const source = place.add(Source, 'source', sends(10, 3));
    place.add(Sink, 'sink', collects([]), { delivery }).in.connect(source.out);
    await expect((await place.start({ backends: [backend] })).completed).rejects.toMatchObject({ code: 'MILLRACE_INJECTED_FAULT' });
    expect(await place.committed('p.sink.in')).toEqual({ 0: 0 });
  });

  it('that fails while loops wait ends the run with its error, and the loops with it', async () => {
    const backend = withFaults(memoryBackend, [{ member: 'session.commit', owner: 'p.sink#0', action: 'fail' }]);
    let thrown: unknown;
    const source = place.add(Source, 'source', sends(10, 3));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        try {
          for await (const batch of sink.in) void batch;
        } catch (error) {
          thrown = error;
          throw error;
        }
      },
    }, { ports: { in: { onError: 'skip', retries: 3 } } }).in.connect(source.out);
    await expect((await place.start({ backends: [backend] })).completed).rejects.toMatchObject({ code: 'MILLRACE_INJECTED_FAULT' });
    expect(thrown).toMatchObject({ code: 'MILLRACE_INJECTED_FAULT' });
  });
});

describe('where a group begins at the end of a channel', () => {
  const write = (n: number) => place.look(async (transport) => {
    const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
    const writer = await session.writer('numbers');
    for (const partition of [0, 1]) void writer.writeRecords({ partition, count: 1, objects: [{ n: n + partition }], bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: Num.fingerprint, timestamp: 1 });
    await session.commit(new Map());
  });

  it('is committed before the first step, so that one that fails is made again from there', async () => {
    await place.look((transport) => transport.createResources([{ name: 'numbers', partitions: 2 }]));
    const got: number[] = [];
    let failures = 0;
    place.add(Sink, 'sink', {
      onInit: async () => void (failures === 0 && (await write(1))),
      onRunning(sink) {
        const records = sink.in.retrieve();
        if (records.length > 0 && failures++ === 0) throw new Error('the first step fails');
        for (const { n } of records) got.push(n);
      },
    }, { ports: { in: { retries: 1, backoff: 1 } } }).in.from(`memory:${place.space}/numbers?group=g&start=latest`);
    const run = await place.start();
    await place.until(() => got.length === 2);
    await run.stop();
    expect(got.toSorted()).toEqual([1, 2]);
  });

  it('is committed before a record has come, so that what comes while nothing runs is read by the next start', async () => {
    await place.look((transport) => transport.createResources([{ name: 'numbers', partitions: 2 }]));
    await write(1);
    const { backend, of } = watchCommits();
    const got: number[] = [];
    place.add(Sink, 'sink', collects(got)).in.from(`memory:${place.space}/numbers?group=g&start=latest`);
    const first = await place.start({ backends: [backend] });
    await place.until(() => of('p.sink#0').some(({ positions }) => Object.keys(positions).length > 0));
    expect(await place.committed('numbers', 'g')).toEqual({ 0: 1, 1: 1 });
    await first.stop();
    await write(11);
    const second = await place.start();
    await place.until(() => got.length === 2);
    await second.stop();
    expect(got.toSorted()).toEqual([11, 12]);
  });
});

describe('a commit in several places', () => {
  it('makes first the outputs elsewhere last, then the state at home, then the positions elsewhere: a crash in between only doubles', async () => {
    const elsewhere = [new Place(), new Place()] as const;
    const [upstream, downstream] = elsewhere;
    try {
      for (const { look } of elsewhere.map((other) => ({ look: other.look.bind(other) }))) await look((transport) => transport.createResources([{ name: 'numbers', partitions: 1, groups: ['g'] }]));
      await upstream.look(async (transport) => {
        const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
        void (await session.writer('numbers')).writeRecords({ partition: 0, count: 3, objects: nums(0, 3), bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: Num.fingerprint, timestamp: 1 });
        await session.commit(new Map());
      });
      const { backend, of } = watchCommits();
      const summer = place.add(Summer, 'summer', {
        async onRunning({ in: input, out, total }) {
          const values = input.retrieve();
          for (const { n } of values) total.sum += n;
          await out.send(values);
        },
      });
      summer.in.from(`memory:${upstream.space}/numbers?group=g&until=end`);
      summer.out.to(`memory:${downstream.space}/numbers`);
      await (await place.start({ backends: [backend] })).completed;
      const [first, second, third] = of('p.summer#0').filter(({ positions, state, ends }) => Object.keys({ ...positions, ...state, ...ends }).length > 0);
      expect(first).toMatchObject({ positions: {}, state: {}, ends: { 'numbers/0': 3 } });
      expect(second).toMatchObject({ positions: {}, state: { 'state/total': { sum: 3 } }, ends: {} });
      expect(third).toMatchObject({ positions: { 'numbers/0': 3 }, state: {}, ends: {} });
      expect(await upstream.committed('numbers', 'g')).toEqual({ 0: 3 });
    } finally {
      for (const other of elsewhere) await other.clear();
    }
  });
});

describe('onCommit', () => {
  it.each(['at-least-once', 'exactly-once'] as const)('comes before each commit, and what it sends is in that commit, %s', async (delivery) => {
    const { backend, of } = watchCommits();
    const got: number[] = [];
    let held = 0;
    let calls = 0;
    const source = place.add(Source, 'source', sends(20, 4));
    const relay = place.add(Relay, 'relay', {
      onRunning({ in: input }) {
        for (const { n } of input.retrieve()) held += n;
      },
      async onCommit({ out }) {
        calls++;
        if (held === 0) return;
        await out.send([{ n: held }]);
        held = 0;
      },
    }, { delivery, commitInterval: 0 });
    relay.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(relay.out);
    await (await place.start({ backends: [backend] })).completed;
    const commits = of('p.relay#0');
    // Positions without what was made of the records, or the other way round, would be in two commits.
    for (const { positions, ends } of commits) expect(Object.keys(positions).length).toBe(Object.keys(ends).length);
    expect(got.reduce((sum, n) => sum + n, 0)).toBe(190);
    expect(calls).toBeGreaterThanOrEqual(commits.length);
  });

  it('comes before the last commit too, after onShutdown', async () => {
    const got: number[] = [];
    const calls: string[] = [];
    const source = place.add(Source, 'source', {
      onRunning: () => true,
      onShutdown: async ({ out }, reason) => (calls.push(reason), out.send([{ n: 1 }])),
      onCommit: async ({ out }) => (calls.push('commit'), out.send([{ n: 2 }])),
    });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(calls).toEqual(['done', 'commit']);
    expect(got).toEqual([1, 2]);
  });

  it('that throws ends the run, whatever the policies of the ports say', async () => {
    const errors: string[] = [];
    const source = place.add(Source, 'source', sends(3));
    const relay = place.add(Relay, 'relay', {
      async onRunning({ in: input, out }) {
        await out.send(input.retrieve());
      },
      onCommit: () => Promise.reject(new Error('no')),
      onError: (_, error, source) => void errors.push(`${source}: ${error.message}`),
    }, { ports: { in: { onError: 'skip', retries: 5 } } });
    relay.in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', message: expect.stringContaining('p.relay#0.onCommit failed: no') as string });
    expect(errors).toEqual(['onCommit: no']);
    expect(await place.committed('p.relay.in')).toEqual({ 0: 0 });
  });

  it('waits for what it sends without awaiting it', async () => {
    place = new Place('records=2');
    const got: number[] = [];
    let left = 5;
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        void out.send([{ n: 100 }]);
        return left === 0;
      },
      onCommit({ out }) {
        for (; left > 0; left--) void out.send(nums(left, left + 3));
      },
    });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got.filter((n) => n < 100).length).toBe(15);
  });
});
