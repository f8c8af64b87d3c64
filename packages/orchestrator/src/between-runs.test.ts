import { DeadLetter, input, InputPort, memoryBackend, MillraceError, Operator, operator, Pipeline, type ChannelBackend, type Control, type Transport } from '@millrace/core';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, Num, pair, Place, Probe, range, Sink, sorted, Source } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const channel = 'p.sink.numbers';
const letters = 'p.sink.numbers.deadLetters';

/** Leaves 30 numbers sent, of which the sink has read and committed some. */
async function leaveUnread(): Promise<readonly number[]> {
  place.probe.at('sink.onRunning', () => (place.probe.received.length > 0 ? new Promise(() => {}) : undefined));
  const run = await place.start(pair({ count: 30, batch: 3 }), { grace: 0, defaults: { commitInterval: 0 } });
  await place.probe.until(() => place.probe.received.length > 0 && place.probe.calls.includes('source#0.onShutdown(done)'));
  await expect(run.stop({ mode: 'now' })).rejects.toThrow('MILLRACE_TIMEOUT');
  place.probe.at('sink.onRunning', () => {});
  return place.probe.received.splice(0);
}

describe('a run that did not complete', () => {
  it('leaves its channels, positions, state and facts', async () => {
    const read = await leaveUnread();
    expect(await place.unread(channel)).toBe(30 - read.length);
    expect((await place.state('p.source#0')).get('framework')).toBe('{"v":1,"done":true}');
    expect((await place.state('p.sink#0')).has('framework')).toBe(false);
    const facts = await place.facts();
    expect(facts).toEqual(expect.arrayContaining(['generation', 'replicas/sink', 'replicas/source']));
    // The process is gone, so it gives no sign of life.
    expect(facts.filter((key) => key.startsWith('beat/'))).toEqual([]);
  });

  it('is gone on with by the next, in which who was done only closes', async () => {
    const read = await leaveUnread();
    place.probe.calls.length = 0;
    const run = await place.start(pair({ count: 30, batch: 3 }));
    expect(await run.completed).toMatchObject({ outcome: 'done' });
    expect(sorted([...read, ...place.probe.received])).toEqual(range(30));
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(30));
    expect(place.probe.calls.filter((call) => call.startsWith('source'))).toEqual(['source#0.constructor']);
    expect(await place.facts()).toEqual(['generation']);
  });

  it('that failed again and again loses and doubles nothing in what is kept', async () => {
    let failures = 0;
    let steps = 0;
    place.probe.at('sink.onRunning', () => {
      if (++steps % 3 === 0 && failures < 5) {
        failures++;
        throw new Error('again');
      }
    });
    for (;;) {
      const run = await place.start(pair({ count: 60, batch: 2 }), { defaults: { delivery: 'exactly-once', commitInterval: 0 } });
      const outcome = await run.completed.then((result) => result.outcome, (error: unknown) => (MillraceError.is(error) ? error.code : String(error)));
      if (outcome === 'done') break;
      expect(outcome).toBe('MILLRACE_STEP_FAILED');
      expect(run.generation).toBe(failures);
    }
    expect(failures).toBe(5);
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(60));
  });
});

describe('a run that completes', () => {
  it('deletes what is its own also where a process hears late of what it said itself', async () => {
    const late = (control: Control): Control => ({
      put: (key, value) => control.put(key, value),
      remove: (key) => control.remove(key),
      async follow(prefix, see) {
        let isKnown = false;
        const follower = await control.follow(prefix, (key, value) => {
          if (!isKnown || !Buffer.from(value ?? []).includes('"owner":"p.sink#0"')) see(key, value);
        });
        isKnown = true;
        return follower;
      },
    });
    const backend: ChannelBackend = {
      ...memoryBackend,
      connect: async (location) => new Proxy(await memoryBackend.connect(location), {
        get(target, member: keyof Transport) {
          if (member === 'control') return (pipeline: string) => late(target.control(pipeline));
          const value = target[member];
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
        },
      }),
    };
    const run = await place.start(pair({ count: 4, batch: 2 }), { backends: [backend] });
    expect((await run.completed).outcome).toBe('done');
    expect(await place.unread(channel)).toBeUndefined();
    expect(await place.state('p.source#0')).toEqual(new Map());
    expect(await place.facts()).toEqual(['generation']);
  });
});

describe('fresh', () => {
  it('deletes what earlier runs left, read or not, and begins with nothing', async () => {
    await leaveUnread();
    const run = await place.start(pair({ count: 4, batch: 2 }), { fresh: true });
    expect(run.generation).toBe(2);
    await run.completed;
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(4));
  });

  it('also the channels and the state of operators that the pipeline no longer has', async () => {
    const both = (): Pipeline => {
      const pipeline = pair({ count: 1e9, batch: 2 });
      const other = pipeline.add(Source, { count: 1e9, batch: 2 }, { name: 'more' });
      pipeline.add(Sink, {}, { name: 'other' }).numbers.connect(other.numbers);
      return pipeline;
    };
    const run = await place.start(both());
    await place.probe.until(() => place.probe.received.length > 0);
    await run.stop({ mode: 'now' });
    expect(await place.unread('p.other.numbers')).toBeDefined();
    await (await place.start(pair({ count: 4 }), { fresh: true })).completed;
    expect(await place.unread('p.other.numbers')).toBeUndefined();
    expect(await place.state('p.more#0')).toEqual(new Map());
  });

  it('without it a completed run leaves what belongs to operators that it does not have', async () => {
    const pipeline = pair({ count: 1e9, batch: 2 });
    const other = pipeline.add(Source, { count: 1e9, batch: 2 }, { name: 'more' });
    pipeline.add(Sink, {}, { name: 'other' }).numbers.connect(other.numbers);
    const inHand = gate();
    place.probe.at('other.onRunning', () => inHand.opened);
    const run = await place.start(pipeline);
    await place.probe.until(() => place.probe.received.length > 0);
    const stopped = run.stop({ mode: 'now' });
    inHand.open();
    await stopped;
    const unread = await place.unread('p.other.numbers');
    const state = await place.state('p.more#0');
    const sent = (JSON.parse((await place.state('p.source#0')).get('state/progress')!) as { sent: number }).sent;
    expect((await (await place.start(pair({ count: sent + 2 }))).completed).outcome).toBe('done');
    expect(await place.unread('p.other.numbers')).toBe(unread);
    expect(await place.state('p.more#0')).toEqual(state);
    expect(await place.facts()).toEqual(['generation', 'replicas/more', 'replicas/other']);
  });

  it('disturbs no start that is not of this pipeline', async () => {
    await leaveUnread();
    const other = new Pipeline('q');
    const from = other.add(Source, { count: 4 }, { name: 'source' });
    other.add(Sink, {}, { name: 'sink' }).numbers.connect(from.numbers);
    await (await place.start(other, { fresh: true })).completed;
    expect(await place.unread(channel)).toBeGreaterThan(0);
  });
});

describe('dead letters', () => {
  // So that none is there twice: a later failure undoes what was not committed.
  const defaults = { delivery: 'exactly-once' } as const;
  const giving = (): Pipeline => pair({ count: 10, batch: 1, sink: { ports: { numbers: { onError: 'deadLetter' } } } });
  @operator(import.meta)
  class Picky extends Operator {
    @input(Num) declare readonly numbers: InputPort<Num>;
    override onRunning() {
      for (const { n } of this.numbers.retrieve()) if (n % 5 === 3) throw new Error(`no ${n}`);
    }
  }
  const picky = (): Pipeline => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 10, batch: 5 }, { name: 'source' });
    pipeline.add(Picky, {}, { name: 'sink', ports: { numbers: { onError: 'deadLetter' } } }).numbers.connect(source.numbers);
    return pipeline;
  };

  it('that nobody of the pipeline reads stay when it completes, and more come to them', async () => {
    expect((await (await place.start(picky(), { defaults })).completed).outcome).toBe('done');
    expect(await place.unread(channel)).toBeUndefined();
    expect(await place.unread(letters)).toBe(2);
    expect((await (await place.start(picky(), { defaults })).completed).outcome).toBe('done');
    expect(await place.unread(letters)).toBe(4);
  });

  it('go where there are none', async () => {
    expect((await (await place.start(giving())).completed).outcome).toBe('done');
    expect(await place.unread(letters)).toBeUndefined();
  });

  it('that an operator of the pipeline reads go when it completes', async () => {
    @operator(import.meta)
    class Undertaker extends Operator {
      @input(DeadLetter) declare readonly letters: InputPort<DeadLetter>;
      constructor(@inject(Probe) private readonly probe: Probe) {
        super();
      }
      override onRunning() {
        for (const { offset } of this.letters.retrieve()) this.probe.received.push(offset);
      }
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 10, batch: 5 }, { name: 'source' });
    const sink = pipeline.add(Picky, {}, { name: 'sink', ports: { numbers: { onError: 'deadLetter' } } });
    sink.numbers.connect(source.numbers);
    pipeline.add(Undertaker, {}, { name: 'undertaker' }).letters.connect(sink.numbers.deadLetters);
    expect((await (await place.start(pipeline, { defaults })).completed).outcome).toBe('done');
    expect(place.probe.received).toEqual([3, 8]);
    expect(await place.unread('p.undertaker.letters')).toBeUndefined();
    expect(await place.facts()).toEqual(['generation']);
  });

  it('are refused by ResourceDeletionOnly as other unread records are', async () => {
    await (await place.start(picky(), { defaults })).completed;
    await expect(place.start(picky(), { defaults, mode: 'ResourceDeletionOnly' })).rejects.toMatchObject({ code: 'MILLRACE_DATA_UNREAD', channel: letters });
    expect(await place.unread(letters)).toBe(2);
    await (await place.start(picky(), { mode: 'ResourceDeletionOnly', fresh: true })).completed;
    expect(await place.unread(letters)).toBeUndefined();
  });
});
