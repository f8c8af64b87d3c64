import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, counts, Counter, gate, Join, nums, Place, range, Relay, sends, Sink, Source, turns, watchCommits, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Collects in a loop. */
function loops(into: number[]): Role<Sink> {
  return {
    async onRunning(sink) {
      for await (const batch of sink.in) for (const { n } of batch) into.push(n);
    },
  };
}

describe('a loop', () => {
  it('reads all there is, and ends with its input', async () => {
    const got: number[] = [];
    let steps = 0;
    const source = place.add(Source, 'source', sends(1_000, 7));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        steps++;
        for await (const batch of sink.in) for (const { n } of batch) got.push(n);
        expect(sink.in.ended).toBe(true);
      },
    }).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(1_000));
    expect(steps).toBe(1);
  });

  it('over an input in which nothing ever comes ends too', async () => {
    let loops = 0;
    const source = place.add(Source, 'source', { onRunning: () => true });
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) void batch;
        loops++;
      },
    }).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(loops).toBe(1);
  });

  it('commits when there is nothing more to read, and goes on', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    const got: number[] = [];
    const more = gate();
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(0, 3));
        await more.opened;
        await out.send(nums(3, 5));
        return true;
      },
    });
    place.add(Sink, 'sink', loops(got), { commitInterval: 1_000_000 }).in.connect(source.out);
    const run = await place.start({ clock, backends: [backend] });
    await place.until(() => run.stages.get('p.sink#0') === 'OperationRunning');
    await turns(10);
    expect(of('p.sink#0').map(({ positions }) => positions)).toEqual([{ 'p.sink.in/0': 3 }]);
    more.open();
    await run.completed;
    expect(got).toEqual(range(5));
    expect(of('p.sink#0').at(-1)?.positions).toEqual({});
    expect(of('p.sink#0').flatMap(({ positions }) => Object.values(positions))).toEqual([3, 5]);
  });

  it('never has a batch in hand while a commit is made', async () => {
    const { backend, commits } = watchCommits();
    const source = place.add(Source, 'source', sends(5_000, 3));
    let inHand = 0;
    const bad: number[] = [];
    let last = 0;
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          inHand++;
          last = batch.at(-1)!.n + 1;
          await turns(last % 50 === 0 ? 1 : 0);
          inHand--;
        }
      },
      onCommit: () => void (inHand > 0 && bad.push(last)),
    }, { commitInterval: 0 }).in.connect(source.out);
    await (await place.start({ backends: [backend] })).completed;
    expect(bad).toEqual([]);
    expect(commits.filter(({ owner }) => owner === 'p.sink#0').length).toBeGreaterThan(5);
  });

  it('can be left, and begun again in the next step: nothing is lost or doubled', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(100, 7));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          for (const { n } of batch) got.push(n);
          break;
        }
      },
    }).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual(range(100));
  });

  it('sends as it goes: exactly once, with the positions of what was read', async () => {
    const { backend, of } = watchCommits();
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(300, 7));
    const relay = place.add(Relay, 'relay', {
      async onRunning({ in: input, out }) {
        for await (const batch of input) await out.send(batch);
      },
    }, { delivery: 'exactly-once', commitInterval: 1 });
    relay.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(relay.out);
    await (await place.start({ backends: [backend] })).completed;
    expect(got).toEqual(range(300));
    for (const { positions, ends } of of('p.relay#0')) expect(Object.values(positions)).toEqual(Object.values(ends));
  });

  it('has ticks between its turns, never beside them', async () => {
    const clock = new SettableClock();
    let inHand = false;
    const events: string[] = [];
    const held = gate();
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => (await out.send([{ n: 0 }]), await held.opened, true) });
    const body = gate();
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          inHand = true;
          events.push(`batch of ${batch.length}`);
          await body.opened;
          inHand = false;
        }
      },
      onTick: () => void events.push(`tick${inHand ? ' beside' : ''}`),
    }, { tick: 10 }).in.connect(source.out);
    const run = await place.start({ clock });
    await place.until(() => events.length === 1);
    for (let i = 0; i < 35; i++) {
      await clock.advance(1);
      await turns();
    }
    expect(events).toEqual(['batch of 1']);
    body.open();
    await place.until(() => events.length === 2);
    for (let i = 0; i < 10; i++) {
      await clock.advance(1);
      await turns();
    }
    expect(events).toEqual(['batch of 1', 'tick', 'tick']);
    held.open();
    await run.completed;
  });

  it('may leave a send unawaited: the next turn waits for it, and its error is one of the step', async () => {
    const errors: string[] = [];
    const source = place.add(Source, 'source', sends(3));
    const relay = place.add(Relay, 'relay', {
      async onRunning({ in: input, out }) {
        for await (const batch of input) void out.send(batch.map(({ n }) => ({ n: n === 1 ? 0.5 : n })));
      },
    });
    relay.in.connect(source.out);
    const run = await place.start();
    run.on('error', (_, error, hook) => errors.push(`${hook}: ${error.message}`));
    await expect(run.completed).rejects.toMatchObject({ code: 'MILLRACE_VALUE_INVALID' });
    expect(errors).toEqual([expect.stringMatching(/^onRunning: .*n must be .*, not 0\.5/)]);
  });

  it('is over when the step is: one that was left behind with a batch in hand fails it', async () => {
    const source = place.add(Source, 'source', sends(3));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        const first = await sink.in[Symbol.asyncIterator]().next();
        expect(first.done).toBe(false);
      },
    }).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', message: expect.stringContaining('onRunning returned while a loop over in had a batch in hand; await the loop') as string });
  });

  it('that waits is ended when the step is over without it', async () => {
    const got: number[] = [];
    let ended = 0;
    const held = gate();
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => (await held.opened, await out.send(nums(0, 3)), true) });
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        const reading = (async () => {
          for await (const batch of sink.in) for (const { n } of batch) got.push(n);
          ended++;
        })();
        await Promise.race([reading, turns()]);
        if (ended === 1) held.open();
        sink.ask();
      },
    }).in.connect(source.out);
    const run = await place.start();
    await place.until(() => run.stages.get('p.sink#0') === 'OperationRunning');
    held.open();
    await run.completed;
    expect(got).toEqual(range(3));
  });

  it('is one per input', async () => {
    const source = place.add(Source, 'source', sends(3));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        const read = async () => {
          for await (const batch of sink.in) void batch;
        };
        await Promise.all([read(), read()]);
      },
    }).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toThrow('two loops read in at once; use one');
  });
});

describe('a stop', () => {
  it('ends loops, those that wait and those in hand, and the operator is not done for that: the next start goes on', async () => {
    const got: number[] = [];
    const source = place.add(Counter, 'source', counts(1_000_000, 10));
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          for (const { n } of batch) got.push(n);
        }
        return true;
      },
    }).in.connect(source.out);
    const run = await place.start();
    await place.until(() => got.length > 50);
    expect((await run.stop({ mode: 'now' })).outcome).toBe('stopped');
    const first = got.length;
    const again = await place.start();
    await place.until(() => got.length > first + 50);
    await again.stop({ mode: 'now' });
    expect(got).toEqual(range(got.length));
  });

  it('ends a loop in the body of another one', async () => {
    const inside = gate();
    const events: string[] = [];
    const first = place.add(Source, 'first', { onRunning: async ({ out }) => out.send([{ n: 1 }]) });
    const second = place.add(Source, 'second', { onRunning: () => undefined });
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        for await (const outer of a) {
          inside.open();
          for await (const inner of b) void inner;
          events.push(`inner over ${outer.length > 0}`);
        }
        events.push('outer over');
      },
    });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await inside.opened;
    await run.stop({ mode: 'now' });
    expect(events).toEqual(['inner over true', 'outer over']);
  });

  it('that drains lets a loop read what was sent until then', async () => {
    const got: number[] = [];
    const sent: number[] = [];
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        sent.push(sent.length);
        await out.send([{ n: sent.length - 1 }]);
      },
    });
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          await turns(1);
          for (const { n } of batch) got.push(n);
        }
      },
    }).in.connect(source.out);
    const run = await place.start();
    await place.until(() => sent.length > 20);
    expect((await run.stop()).outcome).toBe('drained');
    expect(got).toEqual(sent);
  });
});

describe('the watch over steps that never return', () => {
  it('passes over a loop that waits for data, and names one whose body hangs', async () => {
    const clock = new SettableClock();
    const stuck: string[] = [];
    const held = gate();
    const body = gate();
    const got: number[] = [];
    const source = place.add(Source, 'source', {
      onRunning: ({ out }) => (got.length === 0 ? out.send([{ n: 1 }]).then(() => undefined) : held.opened.then(() => true)),
    }, { stepTimeout: 0 });
    place.add(Sink, 'sink', {
      async onRunning(sink) {
        for await (const batch of sink.in) {
          got.push(batch.length);
          if (got.length === 2) await body.opened;
        }
      },
    }, { stepTimeout: 1_000 }).in.connect(source.out);
    place.play<Source>('source', {
      async onRunning({ out }) {
        await out.send([{ n: 1 }]);
        await held.opened;
        await out.send([{ n: 2 }]);
        return true;
      },
    });
    const run = await place.start({ clock, heartbeat: { interval: 1_000, timeout: 1_000_000 } });
    run.on('stuck', (replica, error) => stuck.push(`${replica}: ${error.message}`));
    await place.until(() => got.length === 1);
    await turns();
    await clock.advance(10_000);
    expect(stuck).toEqual([]);
    held.open();
    await place.until(() => got.length === 2);
    await clock.advance(10_000);
    expect(stuck).toEqual([expect.stringMatching(/^p\.sink#0: MILLRACE_STEP_STUCK: p\.sink#0\.onRunning has not returned for \d+ ms/)]);
    body.open();
    await run.completed;
  });
});
