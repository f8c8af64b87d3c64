import { input, InputPort, memoryBackend, Operator, operator, output, OutputPort, Pipeline, state, type ParametersOf, type PartitionState } from '@millrace/core';
import { withFaults } from '@millrace/testing';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Num, Place, Probe, range, sorted, Tap } from './fixtures.js';

const PARTITIONS = 6;
const defaults = { delivery: 'exactly-once', commitInterval: 0 } as const;

/** Sends number n to partition n mod 6, some a step, up to a number that the test may raise between starts. */
@operator(import.meta)
class Spreader extends Operator {
  static override readonly parameters = z.object({ to: z.int(), complete: z.boolean() });
  declare readonly parameters: ParametersOf<typeof Spreader>;
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  override async onRunning() {
    const { to, complete } = this.parameters;
    for (let i = 0; i < 5 && this.progress.sent < to; i++) {
      const n = this.progress.sent++;
      await this.numbers.send([{ n }], { partition: n % PARTITIONS });
    }
    return complete && this.progress.sent === to;
  }
}

/** Keeps what it has seen of each partition, and tells it when it shuts down. */
@operator(import.meta)
class Keeper extends Operator {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @state(z.object({ seen: z.array(z.int()).default([]) }), { per: 'partition' }) declare readonly kept: PartitionState<{ seen: number[] }>;
  constructor(@inject(Probe) private readonly probe: Probe) {
    super();
  }
  override onRunning() {
    for (const { value, partition } of this.numbers.retrieveEntries()) this.kept.get(partition).seen.push(value.n);
    this.probe.received.push(this.context.replica);
    this.probe.noted();
  }
  override onShutdown() {
    for (const partition of this.kept.partitions) this.probe.kept.set(`${partition} of ${this.context.replicas} at ${this.context.replica}`, [...this.kept.get(partition).seen]);
  }
}

function keepers(replicas: number, to: number, complete: boolean): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Spreader, { to, complete }, { name: 'source' });
  pipeline.add(Keeper, {}, { name: 'keeper', replicas, ports: { numbers: { partitions: PARTITIONS } } }).numbers.connect(source.numbers);
  return pipeline;
}

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Runs with so many replicas until each has had something to do, and drains. */
async function runWith(replicas: number): Promise<void> {
  place.probe.received.length = 0;
  const run = await place.start(keepers(replicas, 1e9, false), { defaults });
  await place.probe.until(() => new Set(place.probe.received).size === replicas);
  expect((await run.stop()).outcome).toBe('drained');
}

const expected = (to: number, replicas: number): ReadonlyMap<string, readonly number[]> => new Map(range(PARTITIONS).map((partition) => [`${partition} of ${replicas} at ${partition % replicas}`, range(to).filter((n) => n % PARTITIONS === partition)]));

describe('state per partition', () => {
  it('follows its partition when replicas change between starts, up and down', async () => {
    for (const replicas of [2, 3, 1, 6, 4]) await runWith(replicas);
    const sent = (JSON.parse((await place.state('p.source#0')).get('state/progress')!) as { sent: number }).sent;
    place.probe.kept.clear();
    expect((await (await place.start(keepers(5, sent + 60, true), { defaults })).completed).outcome).toBe('done');
    expect(place.probe.kept).toEqual(expected(sent + 60, 5));
    // Of the replicas that there once were nothing is left either.
    for (const replica of range(6)) expect(await place.state(`p.keeper#${replica}`)).toEqual(new Map());
    expect(await place.facts()).toEqual(['generation']);
  });

  it('is neither lost nor doubled by a start that is cut short anywhere in between', async () => {
    const to = 60;
    const clean = withFaults(memoryBackend, []);
    const prepare = async (): Promise<Place> => {
      const where = new Place();
      expect((await (await where.start(keepers(4, to, true), { defaults, mode: 'WithoutResourceDeletion' })).completed).outcome).toBe('done');
      where.probe.kept.clear();
      return where;
    };
    const first = await prepare();
    const stopped = new AbortController();
    stopped.abort();
    await (await first.start(keepers(3, to, true), { defaults, backends: [clean], signal: stopped.signal })).completed;
    const commits = clean.calls('session.commit');
    await first.clear();
    // Two of the generation, and one for each owner that gets and each that gives away.
    expect(commits).toBeGreaterThan(6);
    for (let at = 1; at <= commits; at++) {
      for (const after of [false, true]) {
        const where = await prepare();
        const cut = withFaults(memoryBackend, [{ member: 'session.commit', at, action: 'cut', after }]);
        await expect(where.start(keepers(3, to, true), { defaults, backends: [cut] })).rejects.toMatchObject({ code: 'MILLRACE_INJECTED_FAULT' });
        // With yet another number, so that what was half handed on is handed on again.
        expect((await (await where.start(keepers(5, to + 6, true), { defaults, mode: 'WithoutResourceDeletion' })).completed).outcome).toBe('done');
        expect([at, after, where.probe.kept]).toEqual([at, after, expected(to, 5)]);
        await where.clear();
      }
    }
  });
});

describe('a replica that was done', () => {
  it('reads on where it gets partitions of another one, and nothing unread is deleted', async () => {
    const taps = (replicas: number): Pipeline => {
      const pipeline = new Pipeline('p');
      const source = pipeline.add(Spreader, { to: 60, complete: true }, { name: 'source' });
      pipeline.add(Tap, {}, { name: 'tap', replicas, ports: { numbers: { partitions: PARTITIONS } } }).numbers.connect(source.numbers);
      return pipeline;
    };
    // One of two is done; the other one has read nothing.
    place.probe.at('tap#1.onRunning', () => new Promise(() => {}));
    const first = await place.start(taps(2), { defaults, grace: 0 });
    await place.probe.until(() => place.probe.calls.includes('tap#0.onShutdown(done)') && first.stages.get('p.tap#0') !== 'OperationRunning');
    await expect(first.stop({ mode: 'now' })).rejects.toThrow('MILLRACE_TIMEOUT');
    expect((await place.state('p.tap#0')).get('framework')).toBe('{"v":1,"done":true}');
    expect(sorted(place.probe.received)).toEqual(range(60).filter((n) => n % 2 === 0));
    place.probe.at('tap#1.onRunning', () => {});
    expect((await (await place.start(taps(1), { defaults })).completed).outcome).toBe('done');
    expect(sorted(place.probe.received)).toEqual(range(60));
  });

  it('stays done where replicas are as before', async () => {
    place.probe.at('tap#1.onRunning', () => new Promise(() => {}));
    const pipeline = (): Pipeline => {
      const made = new Pipeline('p');
      const source = made.add(Spreader, { to: 12, complete: true }, { name: 'source' });
      made.add(Tap, {}, { name: 'tap', replicas: 2, ports: { numbers: { partitions: PARTITIONS } } }).numbers.connect(source.numbers);
      return made;
    };
    const first = await place.start(pipeline(), { defaults, grace: 0 });
    await place.probe.until(() => place.probe.calls.includes('tap#0.onShutdown(done)'));
    await first.stop({ mode: 'now' }).catch(() => undefined);
    place.probe.calls.length = 0;
    place.probe.at('tap#1.onRunning', () => {});
    await (await place.start(pipeline(), { defaults })).completed;
    expect(place.probe.calls.filter((call) => call.startsWith('tap#0') && !call.endsWith('constructor'))).toEqual([]);
    expect(sorted(place.probe.received)).toEqual(range(12));
  });
});

describe('a broadcast', () => {
  const broadcast = (replicas: number): Pipeline => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Spreader, { to: 40, complete: true }, { name: 'source' });
    pipeline.add(Tap, {}, { name: 'tap', replicas, ports: { numbers: { partitions: PARTITIONS, broadcast: true } } }).numbers.connect(source.numbers);
    return pipeline;
  };
  const small = (): { readonly location: string } => ({ location: `${place.location}?records=8` });
  const stopEarly = async (replicas: number): Promise<void> => {
    const run = await place.start(broadcast(replicas), small());
    place.probe.at('tap.onRunning', () => void run.stop({ mode: 'now' }));
    await run.completed;
    place.probe.at('tap.onRunning', () => {});
  };

  it('gets more replicas, which read what is there', async () => {
    await stopEarly(1);
    expect((await (await place.start(broadcast(3), small())).completed).outcome).toBe('done');
  });

  it('does not lose replicas whose part of a bounded channel nobody would read', async () => {
    await stopEarly(3);
    await expect(place.start(broadcast(2), small())).rejects.toThrow('an earlier start read p.tap.numbers as p.tap.numbers#2 too, which nobody would any more, and the channel waits for all who read it');
    expect((await (await place.start(broadcast(2), { ...small(), fresh: true })).completed).outcome).toBe('done');
    expect((await (await place.start(broadcast(1), small())).completed).outcome).toBe('done');
  });
});
