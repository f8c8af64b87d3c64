import { input, InputPort, memoryBackend, MillraceError, Operator, operator, Pipeline, type AddOptions } from '@millrace/core';
import { SettableClock, withFaults } from '@millrace/testing';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, Num, pair, Place, Probe, range, Relay, Sink, sorted, Source, Tap } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const DELIVERIES = ['at-least-once', 'exactly-once'] as const;
const kept = (): readonly number[] => sorted([...place.probe.kept.values()].flat());
/** What so many replicas of a source send. */
const numbers = (count: number, replicas: number): readonly number[] => range(replicas).flatMap((replica) => range(replica * 1_000_000 + count, replica * 1_000_000));
const done = async (pipeline: Pipeline, options = {}): Promise<void> => {
  expect((await (await place.start(pipeline, options)).completed).outcome).toBe('done');
  expect(await place.facts()).toEqual(['generation']);
};

describe.each(DELIVERIES)('%s: a stream ends', (delivery) => {
  const defaults = { delivery };

  it.each([[1, 1], [1, 4], [4, 1], [3, 5]])('for %i writers and %i readers when all has been read', async (writers, readers) => {
    await done(pair({ count: 40, batch: 3, source: { replicas: writers }, sink: { replicas: readers } }), { defaults });
    expect(kept()).toEqual(numbers(40, writers));
  });

  it('for every reader of a broadcast', async () => {
    await done(pair({ count: 40, batch: 3, source: { replicas: 2 }, sink: { replicas: 3, ports: { numbers: { broadcast: true } } } }), { defaults });
    expect([...place.probe.kept.values()].map(sorted)).toEqual([numbers(40, 2), numbers(40, 2), numbers(40, 2)]);
  });

  it('where several operators feed one input, when the last of them is done', async () => {
    const pipeline = new Pipeline('p');
    const [a, b] = [pipeline.add(Source, { count: 20 }, { name: 'a' }), pipeline.add(Source, { count: 7 }, { name: 'b' })];
    pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(a.numbers, b.numbers);
    await done(pipeline, { defaults });
    expect(place.probe.kept.get('p.sink#0')).toHaveLength(27);
  });

  it('where one output feeds several inputs, for each of them', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 20 }, { name: 'source' });
    for (const name of ['one', 'two', 'three']) pipeline.add(Sink, {}, { name }).numbers.connect(source.numbers);
    await done(pipeline, { defaults });
    expect([...place.probe.kept.values()]).toEqual([range(20), range(20), range(20)]);
  });

  it('through a chain, one after the other', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 50, batch: 3 }, { name: 'source' });
    const relay = pipeline.add(Relay, {}, { name: 'relay', replicas: 3 });
    relay.numbers.connect(source.numbers);
    pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(relay.passed);
    await done(pipeline, { defaults });
    expect(kept()).toEqual(range(50));
  });

  it('without a single record', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 0 }, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink', replicas: 2 }).numbers.connect(source.numbers);
    await done(pipeline, { defaults });
    expect(kept()).toEqual([]);
    expect(place.probe.calls.filter((call) => call.endsWith('onShutdown(done)'))).toHaveLength(3);
  });

  it('though its writer was built anew on the way', async () => {
    let failed = false;
    place.probe.at('relay.onRunning', () => {
      if (failed || place.probe.received.length < 9) return;
      failed = true;
      throw new Error('once');
    });
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 60, batch: 3 }, { name: 'source' });
    const relay = pipeline.add(Relay, {}, { name: 'relay', ports: { numbers: { retries: 1, backoff: 0 } } });
    relay.numbers.connect(source.numbers);
    pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(relay.passed);
    await done(pipeline, { defaults: { ...defaults, commitInterval: 0 } });
    expect(failed).toBe(true);
    if (delivery === 'exactly-once') expect(place.probe.kept.get('p.sink#0')).toEqual(range(60));
    else expect(new Set(place.probe.kept.get('p.sink#0'))).toEqual(new Set(range(60)));
  });
});

it('the principal of a group goes on to delete only when all of the group have closed', async () => {
  const [slow, order] = [gate(), [] as string[]];
  place.probe.at('sink#2.onShutdown', () => slow.opened);
  const run = await place.start(pair({ sink: { replicas: 3 } }));
  run.on('stage', (replica, stage) => {
    if (stage === 'ResourceDeletion') order.push(replica);
  });
  await place.probe.until(() => ['0', '1', '2'].every((replica) => place.probe.calls.includes(`sink#${replica}.onShutdown(done)`)));
  await new Promise((resolve) => setImmediate(resolve));
  expect([run.stages.get('p.sink#0'), order]).toEqual(['OperationShutdown', expect.not.arrayContaining(['p.sink#0'])]);
  slow.open();
  await run.completed;
  expect(order.toSorted()).toEqual(['p.sink#0', 'p.sink#1', 'p.sink#2', 'p.source#0']);
});

describe('a reader that is done early', () => {
  /** Reads until it has so many, and is done. */
  const enough = (name: string, count: number): void => void place.probe.at(name, () => place.probe.received.length >= count);
  const small = (): { readonly location: string } => ({ location: `${place.location}?records=8` });

  it('does not hold its writers up: what comes later is dropped, and counted', async () => {
    enough('sink.onRunning', 20);
    const run = await place.start(pair({ count: 500, batch: 5 }), small());
    expect((await run.completed).outcome).toBe('done');
    const { replicas } = await run.metrics();
    const [source, sink] = ['source', 'sink'].map((name) => replicas.find(({ operator: of }) => of === name)!.ports[0]!);
    expect(source!.records).toBe(500);
    expect(sink!.records).toBeGreaterThanOrEqual(20);
    expect(sink!.records).toBeLessThan(500);
    // Some lay in the channel when the sink was done; all that came later never went there.
    expect(source!.dropped).toBeGreaterThan(500 - sink!.records - 8 - 5);
    expect(source!.dropped).toBeLessThanOrEqual(500 - sink!.records);
    expect(await place.facts()).toEqual(['generation']);
  });

  it('as one of several, the principal too, leaves the others theirs', async () => {
    for (const early of [0, 1, 2]) {
      const where = new Place();
      where.probe.at(`sink#${early}.onRunning`, () => true);
      const run = await where.start(pair({ count: 300, batch: 1, sink: { replicas: 3 } }), { location: `${where.location}?records=8` });
      expect((await run.completed).outcome).toBe('done');
      const others = range(3).filter((replica) => replica !== early);
      expect(others.map((replica) => where.probe.kept.get(`p.sink#${replica}`)!.length)).toEqual([100, 100]);
      await where.clear();
    }
  });

  it('as one of several inputs of an output, leaves the others theirs', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 300 }, { name: 'source' });
    pipeline.add(Tap, {}, { name: 'brief' }).numbers.connect(source.numbers);
    pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(source.numbers);
    place.probe.at('brief.onRunning', () => true);
    expect((await (await place.start(pipeline, small())).completed).outcome).toBe('done');
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(300));
  });
});

describe('a cycle', () => {
  it('ends when a member says that it is done', async () => {
    @operator(import.meta)
    class Counter extends Operator {
      @input(Num) declare readonly start: InputPort<Num>;
      @input(Num) declare readonly back: InputPort<Num>;
      constructor(@inject(Probe) private readonly probe: Probe) {
        super();
      }
      override onRunning() {
        this.start.retrieve();
        this.probe.receive(this.back.retrieve());
        return this.probe.received.length >= 10;
      }
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 1, batch: 1 }, { name: 'source' });
    const round = pipeline.add(Relay, {}, { name: 'round' });
    round.numbers.connect(source.numbers, round.passed);
    const counter = pipeline.add(Counter, {}, { name: 'counter' });
    counter.start.connect(source.numbers);
    counter.back.connect(round.passed);
    // The one that goes round sees that its reader has left by its own count.
    place.probe.at('round.onRunning', () => (place.probe.received.length >= 10 ? true : undefined));
    expect((await (await place.start(pipeline)).completed).outcome).toBe('done');
    expect(place.probe.received.length).toBeGreaterThanOrEqual(10);
    expect(await place.facts()).toEqual(['generation']);
  });
});

describe('before it begins, a reader', () => {
  const reading = (options: NonNullable<AddOptions<Sink>['ports']>['numbers'], replicas = 2): Pipeline => pair({ count: 10, source: { replicas }, sink: { ports: { numbers: options ?? {} } } });
  const init = (): boolean => place.probe.calls.includes('sink#0.onInit');
  const code = (error: unknown): string => (MillraceError.is(error) ? error.message : String(error));

  it('waits for one of its writers', async () => {
    const reader = await place.start(reading({}), { runId: 'r', only: ['sink'] });
    await place.probe.until(() => place.probe.calls.some((call) => call.endsWith('constructor')));
    expect(init()).toBe(false);
    const one = await place.start(reading({}), { runId: 'r', only: ['source#0'] });
    await place.probe.until(init);
    const two = await place.start(reading({}), { runId: 'r', only: ['source#1'] });
    expect(await Promise.all([reader, one, two].map(async (run) => (await run.completed).outcome))).toEqual(['done', 'done', 'done']);
  });

  it('waits for all of them with syncOpen', async () => {
    const reader = await place.start(reading({ syncOpen: true }), { runId: 'r', only: ['sink'] });
    const one = await place.start(reading({ syncOpen: true }), { runId: 'r', only: ['source#0'] });
    await place.probe.until(() => place.probe.calls.includes('source#0.onShutdown(done)'));
    expect(reader.stages.get('p.sink#0')).toBe('OperationInit');
    expect(init()).toBe(false);
    const two = await place.start(reading({ syncOpen: true }), { runId: 'r', only: ['source#1'] });
    expect(await Promise.all([reader, one, two].map(async (run) => (await run.completed).outcome))).toEqual(['done', 'done', 'done']);
    expect(place.probe.kept.get('p.sink#0')).toHaveLength(20);
  });

  it('counts an operator that feeds it through two ports once', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 10 }, { name: 'source' });
    const relay = pipeline.add(Relay, {}, { name: 'relay' });
    relay.numbers.connect(source.numbers);
    pipeline.add(Sink, {}, { name: 'sink', ports: { numbers: { syncOpen: true } } }).numbers.connect(source.numbers, relay.passed);
    await done(pipeline);
    expect(place.probe.kept.get('p.sink#0')).toHaveLength(20);
  });

  it('waits with sequential until its writers have closed', async () => {
    // Sequential needs channels that are not bounded, or it would wait for ever; this one says so and never fills up.
    const roomy = { ...memoryBackend, capabilities: (location: string) => ({ ...memoryBackend.capabilities(location), bounded: false }) };
    let early: boolean | undefined;
    place.probe.at('source#1.onShutdown', () => void (early = init()));
    const run = await place.start(reading({ sequential: true }), { backends: [roomy] });
    expect((await run.completed).outcome).toBe('done');
    expect(early).toBe(false);
    expect(place.probe.calls.indexOf('sink#0.onInit')).toBeGreaterThan(place.probe.calls.indexOf('source#1.onShutdown(done)'));
    expect(place.probe.kept.get('p.sink#0')).toHaveLength(20);
  });

  it.each([
    [{ openTimeout: 300 }, 'MILLRACE_TIMEOUT: p.sink#0.numbers waited 300 ms for 1 more of 2 writers to show up'],
    [{ openTimeout: 300, syncOpen: true }, 'MILLRACE_TIMEOUT: p.sink#0.numbers waited 300 ms for 2 more of 2 writers to show up'],
  ])('waits no longer than openTimeout: %o', async (options, message) => {
    const clock = new SettableClock();
    const reader = await place.start(reading(options), { runId: 'r', only: ['sink'], clock });
    const ended = reader.completed.catch(code);
    await place.probe.until(() => place.probe.calls.some((call) => call.endsWith('constructor')));
    await clock.advance(299);
    expect(reader.stages.get('p.sink#0')).toBe('OperationInit');
    await clock.advance(1);
    expect(await ended).toBe(message);
    expect([reader.exitCode, clock.timers]).toEqual([114, 0]);
    // The channel stays, and so does the run: another try may be luckier.
    expect(await place.unread('p.sink.numbers')).toBe(0);
  });

  it('ends at once when it is stopped', async () => {
    const reader = await place.start(reading({}), { runId: 'r', only: ['sink'] });
    await place.probe.until(() => place.probe.calls.some((call) => call.endsWith('constructor')));
    expect((await reader.stop()).outcome).toBe('stopped');
    // Nothing was begun, so there is nothing to end.
    expect(place.probe.calls.filter((call) => /onInit|onShutdown/.test(call))).toEqual([]);
  });

  it.each(['session.reader', 'session.writer'] as const)('and a writer wait for their backend no longer than openTimeout: %s', async (member) => {
    const clock = new SettableClock();
    const backend = withFaults(memoryBackend, [{ member, action: 'hang' }]);
    const run = await place.start(pair(), { clock, backends: [backend], grace: 0, defaults: { ports: { openTimeout: 300 } } });
    const ended = run.completed.catch(code);
    while (backend.injected.length === 0) await clock.advance(0);
    await clock.advance(300);
    await clock.advance(300);
    expect(await ended).toBe(`MILLRACE_TIMEOUT: p.${member === 'session.reader' ? 'sink' : 'source'}#0.numbers waited 300 ms for its backend to open the channel`);
    expect(run.exitCode).toBe(114);
  });
});
