import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, gate, Place, range, Sink, Source, turns } from './fixtures.js';

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

describe('onTick', () => {
  it('comes every `tick` ms, without drift', async () => {
    const clock = new SettableClock();
    const at: number[] = [];
    place.add(Source, 'source', { onRunning: () => undefined, onTick: () => void at.push(clock.now()) }, { tick: 7 });
    const run = await place.start({ clock });
    await place.until(() => run.stages.get('p.source#0') === 'OperationRunning');
    await elapse(clock, 71);
    expect(at.length).toBe(10);
    expect(at).toEqual(range(10).map((i) => at[0]! + 7 * i));
    await run.stop({ mode: 'now' });
  });

  it('never comes beside a step; the one that a long step kept back comes after it, missed ones do not, and the next are in time again', async () => {
    const clock = new SettableClock();
    const events: string[] = [];
    const long = gate();
    let begin = 0;
    place.add(Source, 'source', {
      async onRunning() {
        if (events.length > 0) return;
        begin = clock.now();
        events.push('begin');
        await long.opened;
        events.push('end');
      },
      onTick: () => void events.push(`tick ${clock.now() - begin}`),
    }, { tick: 100 });
    const run = await place.start({ clock });
    await place.until(() => events.length === 1);
    await elapse(clock, 350);
    expect(events).toEqual(['begin']);
    long.open();
    await place.until(() => events.length >= 3);
    await elapse(clock, 160);
    expect(events).toEqual(['begin', 'end', 'tick 350', 'tick 400', 'tick 500']);
    await run.stop({ mode: 'now' });
  });

  it('may be asynchronous, and keeps steps waiting meanwhile', async () => {
    const clock = new SettableClock();
    const events: string[] = [];
    const ticking = gate();
    const source = place.add(Source, 'source', { onRunning: () => undefined });
    let sink: Sink | undefined;
    place.add(Sink, 'sink', {
      onInit: (self) => void (sink = self),
      onRunning: () => void events.push('step'),
      async onTick() {
        events.push('tick');
        await ticking.opened;
        events.push('ticked');
      },
    }, { tick: 10 }).in.connect(source.out);
    const run = await place.start({ clock });
    await place.until(() => run.stages.get('p.sink#0') === 'OperationRunning');
    await elapse(clock, 10);
    await place.until(() => events.includes('tick'));
    sink?.ask();
    await turns();
    expect(events).toEqual(['tick']);
    ticking.open();
    await place.until(() => events.length >= 3);
    expect(events.slice(0, 3)).toEqual(['tick', 'ticked', 'step']);
    await run.stop({ mode: 'now' });
  });

  it('is a step: what it sends is committed and read', async () => {
    const got: number[] = [];
    let ticks = 0;
    const source = place.add(Source, 'source', {
      onRunning: () => ticks >= 3,
      onTick: async ({ out }) => out.send([{ n: ticks++ }]),
    }, { tick: 2, delivery: 'exactly-once' });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual(range(got.length));
    expect(got.length).toBeGreaterThanOrEqual(3);
  });
});

describe('timers of the thread', () => {
  it('fire although replicas feed each other without a pause', async () => {
    let fired = false;
    let steps = 0;
    const timer = setTimeout(() => (fired = true), 1);
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        steps++;
        void out.send([{ n: steps }]);
        return fired;
      },
    });
    place.add(Sink, 'sink', { onRunning: (sink) => void sink.in.retrieve() }).in.connect(source.out);
    await (await place.start()).completed;
    clearTimeout(timer);
    expect(fired).toBe(true);
  });

  it('fire although a loop is never without data', async () => {
    let fired = false;
    const timer = setTimeout(() => (fired = true), 1);
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        void out.send([{ n: 1 }]);
        return fired;
      },
    });
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) void batch;
      },
    }).in.connect(source.out);
    await (await place.start()).completed;
    clearTimeout(timer);
    expect(fired).toBe(true);
  });
});
