import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, gate, Join, nums, Place, range, sends, Sink, Source, turns, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Lets time pass ms by ms, so that whoever waits for a time has set its timer before. */
async function elapse(clock: SettableClock, ms: number): Promise<void> {
  for (let i = 0; i < ms; i++) {
    await clock.advance(1);
    await turns();
  }
}

describe('a source', () => {
  it('is called again until it returns true, whatever else it returns', async () => {
    const results = [undefined, false, undefined, true];
    let calls = 0;
    place.add(Source, 'source', {
      onRunning({ out }) {
        void out.send([{ n: calls }]);
        return results[calls++];
      },
    });
    await (await place.start()).completed;
    expect(calls).toBe(4);
  });

  it('that sends nothing is called after 10 ms, then after twice as long each time, up to `idle`; from 10 again once it sent', async () => {
    const clock = new SettableClock();
    const at: number[] = [];
    let begin = 0;
    place.add(Source, 'source', {
      onRunning({ out }) {
        at.push(clock.now() - begin);
        if (at.length === 6) void out.send([{ n: 1 }]);
      },
    }, { idle: 50 });
    const run = await place.start({ clock });
    await place.until(() => at.length === 1);
    begin = clock.now();
    await turns();
    await elapse(clock, 400);
    // The seventh comes at once: the sixth sent something.
    expect(at.slice(1, 10)).toEqual([10, 30, 70, 120, 170, 170, 180, 200, 240]);
    await run.stop({ mode: 'now' });
  });

  it('with an `idle` under 10 ms is called that often', async () => {
    const clock = new SettableClock();
    let calls = 0;
    place.add(Source, 'source', { onRunning: () => void calls++ }, { idle: 2 });
    const run = await place.start({ clock });
    await place.until(() => calls === 1);
    await turns();
    await elapse(clock, 20);
    expect(calls).toBe(11);
    await run.stop({ mode: 'now' });
  });

  it('is called earlier when it asked for it, also from a callback', async () => {
    const clock = new SettableClock();
    const at: number[] = [];
    let source: Source | undefined;
    place.add(Source, 'source', {
      onRunning(self) {
        source = self;
        at.push(clock.now());
      },
    });
    const run = await place.start({ clock });
    await place.until(() => at.length === 1);
    await turns();
    await elapse(clock, 3);
    source?.ask();
    await place.until(() => at.length === 2);
    expect(at[1]! - at[0]!).toBe(3);
    await run.stop({ mode: 'now' });
  });

  it('that asks for a step in a step gets it at once', async () => {
    const clock = new SettableClock();
    let calls = 0;
    place.add(Source, 'source', {
      onRunning(self) {
        self.ask();
        return ++calls === 5;
      },
    });
    await (await place.start({ clock })).completed;
    expect(calls).toBe(5);
  });
});

describe('an operator with inputs', () => {
  it('ends when its inputs have, without returning anything', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(10, 3));
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(10));
  });

  it('may be done before its input is: what is left is passed over, and its writer does not wait for it', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(20_000, 500));
    place.add(Sink, 'sink', {
      onRunning(sink) {
        for (const { n } of sink.in.retrieve()) got.push(n);
        return got.length > 0;
      },
    }).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(got.length));
    expect(got.length).toBeLessThan(20_000);
  });

  it('that returns false is not done when its inputs are: it is called again, with pauses, until it says otherwise', async () => {
    let calls = 0;
    const ended: boolean[] = [];
    const source = place.add(Source, 'source', sends(1));
    place.add(Sink, 'sink', {
      onRunning(sink) {
        sink.in.retrieve();
        ended.push(sink.in.ended);
        return ++calls === 5 ? undefined : false;
      },
    }).in.connect(source.out);
    await (await place.start()).completed;
    expect(calls).toBe(5);
    expect(ended.at(-1)).toBe(true);
  });

  it('is called when its input has ended, also where nothing ever came', async () => {
    const steps: [ended: boolean, records: number][] = [];
    const source = place.add(Source, 'source', { onRunning: () => true });
    place.add(Sink, 'sink', { onRunning: (sink) => void steps.push([sink.in.ended, sink.in.retrieve().length]) }).in.connect(source.out);
    await (await place.start()).completed;
    expect(steps).toEqual([[true, 0]]);
  });

  it('is not called while there is nothing to retrieve', async () => {
    const clock = new SettableClock();
    let calls = 0;
    const held = gate();
    const source = place.add(Source, 'source', { onRunning: async () => (await held.opened, true) });
    place.add(Sink, 'sink', { onRunning: (sink) => void (sink.in.retrieve(), calls++) }).in.connect(source.out);
    const run = await place.start({ clock });
    await place.until(() => [...run.stages.values()].every((stage) => stage === 'OperationRunning'));
    await elapse(clock, 50);
    expect(calls).toBe(0);
    held.open();
    await run.completed;
    expect(calls).toBe(1);
  });

  it('is called when it asked for a step', async () => {
    let sink: Sink | undefined;
    let calls = 0;
    const source = place.add(Source, 'source', { onRunning: () => calls > 0 });
    place.add(Sink, 'sink', { onInit: (self) => void (sink = self), onRunning: () => void calls++ }).in.connect(source.out);
    const run = await place.start();
    await place.until(() => [...run.stages.values()].every((stage) => stage === 'OperationRunning'));
    sink?.ask();
    await run.completed;
    expect(calls).toBeGreaterThanOrEqual(1);
  });
});

describe('an operator that leaves data where it is', () => {
  /** Reads `a` only once `b` has ended. */
  const bFirst = (got: string[], steps: { count: number }): Role<Join> => ({
    onRunning({ a, b }) {
      steps.count++;
      for (const { n } of b.retrieve()) got.push(`b${n}`);
      if (b.ended) for (const { n } of a.retrieve()) got.push(`a${n}`);
    },
  });

  it('is called when something else comes, not again and again', async () => {
    const clock = new SettableClock();
    const got: string[] = [];
    const steps = { count: 0 };
    const held = gate();
    const first = place.add(Source, 'first', sends(5));
    const second = place.add(Source, 'second', { onRunning: async ({ out }) => (await held.opened, await out.send(nums(0, 3)), true) });
    const join = place.add(Join, 'join', bFirst(got, steps));
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start({ clock });
    await place.until(() => run.stages.get('p.first#0') === 'Closed');
    await elapse(clock, 100);
    const before = steps.count;
    await elapse(clock, 1_000);
    expect(steps.count).toBe(before);
    expect(before).toBeLessThan(20);
    held.open();
    await run.completed;
    expect(got).toEqual(['b0', 'b1', 'b2', 'a0', 'a1', 'a2', 'a3', 'a4']);
  });

  it('goes on with it, batch by batch, once it takes some', async () => {
    const got: string[] = [];
    const held = gate();
    // Each send is too large to be joined with the next, so that one step cannot take them all.
    const first = place.add(Source, 'first', { onRunning: ({ out }) => (void out.send(nums(0, 100)), void out.send(nums(100, 200)), void out.send(nums(200, 300)), true) });
    const second = place.add(Source, 'second', { onRunning: async () => (await held.opened, true) });
    const join = place.add(Join, 'join', bFirst(got, { count: 0 }));
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await place.until(() => run.stages.get('p.first#0') === 'Closed');
    held.open();
    await run.completed;
    expect(got).toEqual(nums(0, 300).map(({ n }) => `a${n}`));
  });

  it('does not miss what comes while it waits in an asynchronous step', async () => {
    const got: number[] = [];
    const inStep = gate();
    const sent = gate();
    let join: Join | undefined;
    const first = place.add(Source, 'first', { onRunning: async () => (await sent.opened, true) });
    const second = place.add(Source, 'second', {
      async onRunning({ out }) {
        await inStep.opened;
        await out.send([{ n: 1 }]);
        sent.open();
        return true;
      },
    });
    const ports = place.add(Join, 'join', {
      onInit: (self) => void (join = self),
      async onRunning({ b }) {
        // Looks, finds nothing, and waits; meanwhile a record comes.
        for (const { n } of b.retrieve()) got.push(n);
        inStep.open();
        await sent.opened;
        await turns();
        return got.length > 0;
      },
    });
    ports.a.connect(first.out);
    ports.b.connect(second.out);
    const run = await place.start();
    await place.until(() => [...run.stages.values()].every((stage) => stage === 'OperationRunning'));
    join?.ask();
    await run.completed;
    expect(got).toEqual([1]);
  });
});

