import { encodeToBuffer, input, InputPort, Operator, operator, Pipeline, plugin, Plugin, type ServicePlugin } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, Num, pair, Place, Probe, range, Relay, Sink, Source } from './fixtures.js';
import type { PortMetrics, ReplicaMetrics, RunMetrics } from './metrics.js';

let place: Place;
let clock: SettableClock;
beforeEach(() => {
  place = new Place();
  clock = new SettableClock();
});
afterEach(() => place.clear());

const of = (metrics: RunMetrics, operatorName: string): ReplicaMetrics => metrics.replicas.find((replica) => replica.operator === operatorName)!;
const portOf = (metrics: RunMetrics, operatorName: string): PortMetrics => of(metrics, operatorName).ports[0]!;
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('metrics', () => {
  it('count records, batches and the bytes of their values, in and out', async () => {
    const run = await place.start(pair({ count: 300, batch: 100 }), { location: `${place.location}?wire` });
    await run.completed;
    const metrics = await run.metrics();
    const bytes = range(300).reduce((sum, n) => sum + encodeToBuffer(Num, { n }).length, 0);
    expect(portOf(metrics, 'source')).toMatchObject({ port: 'numbers', records: 300, batches: 3, bytes, dropped: 0, lag: undefined });
    expect(portOf(metrics, 'sink')).toMatchObject({ port: 'numbers', records: 300, bytes, skipped: 0, deadLettered: 0 });
    expect(metrics.replicas.map(({ replica, stage }) => [replica, stage])).toEqual([['p.source#0', 'Closed'], ['p.sink#0', 'Closed']]);
  });

  it('count no bytes where records go by reference', async () => {
    const run = await place.start(pair({ count: 30 }));
    await run.completed;
    const metrics = await run.metrics();
    expect([portOf(metrics, 'source'), portOf(metrics, 'sink')].map(({ records, bytes }) => [records, bytes])).toEqual([[30, 0], [30, 0]]);
  });

  it('count steps, commits and retries of each replica', async () => {
    let thrown = 0;
    place.probe.at('relay.onRunning', () => {
      if (thrown++ < 2) throw new Error('not yet');
    });
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 4, batch: 1 }, { name: 'source' });
    const relay = pipeline.add(Relay, {}, { name: 'relay', ports: { numbers: { retries: 2, backoff: 0 } } });
    relay.numbers.connect(source.numbers);
    pipeline.add(Sink, {}, { name: 'sink', replicas: 2 }).numbers.connect(relay.passed);
    const run = await place.start(pipeline, { defaults: { commitInterval: 0, delivery: 'exactly-once' } });
    await run.completed;
    const metrics = await run.metrics();
    // Four batches, each committed; with the last one that it is done.
    expect(of(metrics, 'source')).toMatchObject({ steps: 4, commits: 4, retries: 0 });
    expect(of(metrics, 'relay')).toMatchObject({ retries: 2 });
    expect(place.probe.received.length).toBe(4);
  });

  it('tell the lag of an input: what it has not been given yet', async () => {
    const inHand = gate();
    place.probe.at('sink.onRunning', () => inHand.opened);
    const run = await place.start(pair({ count: 12, batch: 4 }));
    await place.probe.until(() => place.probe.calls.includes('source#0.onShutdown(done)'));
    await later();
    expect(portOf(await run.metrics(), 'sink')).toMatchObject({ records: 0, lag: 12 });
    inHand.open();
    await run.completed;
    expect(portOf(await run.metrics(), 'sink')).toMatchObject({ records: 12, lag: undefined });
  });

  it('give rates since the look before', async () => {
    const go = [gate(), gate()];
    let step = 0;
    place.probe.at('source.onRunning', () => go[step++]?.opened);
    const run = await place.start(pair({ count: 20, batch: 10 }), { clock, location: `${place.location}?wire` });
    go[0]!.open();
    await place.probe.until(() => place.probe.received.length === 10);
    expect((await run.metrics()).elapsedMs).toBe(0);
    await clock.advance(4_000);
    expect(portOf(await run.metrics(), 'source')).toMatchObject({ records: 10, recordsPerSecond: 0, bytesPerSecond: 0 });
    go[1]!.open();
    await place.probe.until(() => place.probe.received.length === 20);
    await clock.advance(2_000);
    const metrics = await run.metrics();
    expect(metrics.elapsedMs).toBe(6_000);
    expect(portOf(metrics, 'source')).toMatchObject({ records: 20, recordsPerSecond: 5, bytesPerSecond: 5 });
    expect(portOf(metrics, 'sink')).toMatchObject({ records: 20, recordsPerSecond: 5 });
    expect((await run.completed).outcome).toBe('done');
  });

  it('tell how long a writer waited for room', async () => {
    const inHand = gate();
    place.probe.at('sink.onRunning', () => inHand.opened);
    const run = await place.start(pair({ count: 16, batch: 8 }), { clock, location: `${place.location}?records=4` });
    await place.probe.until(() => place.probe.calls.includes('sink#0.onInit'));
    await later();
    await later();
    await clock.advance(700);
    inHand.open();
    await run.completed;
    expect(portOf(await run.metrics(), 'source').backPressureMs).toBe(700);
  });

  it('tell how long steps take', async () => {
    const go = gate();
    let steps = 0;
    place.probe.at('sink.onRunning', () => {
      steps++;
      place.probe.noted();
      return go.opened;
    });
    const run = await place.start(pair({ count: 5, batch: 5 }), { clock });
    await place.probe.until(() => steps === 1);
    await clock.advance(300);
    go.open();
    await run.completed;
    const sink = of(await run.metrics(), 'sink');
    expect(sink.stepMs).toBe(300);
    expect(sink.msPerStep).toBe(300 / sink.steps);
  });
});

describe('progress', () => {
  it('comes once a second while somebody listens, with rates of its own', async () => {
    const paused = gate();
    let steps = 0;
    place.probe.at('source.onRunning', () => (++steps > 1 ? paused.opened : undefined));
    const run = await place.start(pair({ count: 20, batch: 10 }), { clock });
    await place.probe.until(() => place.probe.received.length === 10);
    await clock.advance(5_000);
    const told: RunMetrics[] = [];
    const listen = (metrics: RunMetrics): void => void told.push(metrics);
    run.on('progress', listen);
    await clock.advance(999);
    await clock.advance(1);
    await clock.advance(500);
    // A look in between does not spoil the next.
    await run.metrics();
    await clock.advance(500);
    expect(told.map(({ elapsedMs }) => elapsedMs)).toEqual([6_000, 7_000]);
    expect(portOf(told[0]!, 'source').recordsPerSecond).toBeCloseTo(10 / 6);
    expect(portOf(told[1]!, 'source').recordsPerSecond).toBe(0);
    run.off('progress', listen);
    await clock.advance(3_000);
    expect(told).toHaveLength(2);
    paused.open();
    await run.completed;
  });
});

describe('stuck', () => {
  const never = (): Promise<void> => new Promise(() => {});

  it('is told of a step that does not return, once, by its name', async () => {
    const go = gate();
    let steps = 0;
    place.probe.at('sink.onRunning', () => {
      steps++;
      place.probe.noted();
      return go.opened;
    });
    const run = await place.start(pair({ count: 5, sink: { stepTimeout: 4_000 } }), { clock });
    const told: string[] = [];
    run.on('stuck', (replica, error) => void told.push(`${replica}: ${error.message}`));
    await place.probe.until(() => steps === 1);
    await clock.advance(3_999);
    expect(told).toEqual([]);
    await clock.advance(1_001);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^p\.sink#0: MILLRACE_STEP_STUCK: p\.sink#0\.onRunning has not returned for \d{4} ms; /);
    await clock.advance(60_000);
    expect(told).toHaveLength(1);
    go.open();
    expect((await run.completed).outcome).toBe('done');
  });

  it('is told of a hook of a plugin', async () => {
    const starting = gate();
    class Service extends Plugin implements ServicePlugin {
      constructor(@inject(Probe) private readonly probe: Probe) {
        super();
      }
      async onServiceStart() {
        this.probe.call('service', 0, 'onServiceStart');
        await starting.opened;
      }
      onServiceShutdown() {}
    }
    @operator(import.meta)
    class Served extends Operator {
      @plugin(Service) declare readonly health: Service;
      override onRunning() {
        return true;
      }
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Served, {}, { name: 'served', stepTimeout: 1_000 });
    const run = await place.start(pipeline, { clock });
    const told: string[] = [];
    run.on('stuck', (_replica, error) => void told.push(error.message));
    await place.probe.until(() => place.probe.calls.includes('service#0.onServiceStart'));
    await clock.advance(2_000);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('p.served#0.health.onServiceStart has not returned for');
    starting.open();
    await run.completed;
  });

  it('is not told of a loop that always finds something to do', async () => {
    @operator(import.meta)
    class Busy extends Operator {
      @input(Num) declare readonly numbers: InputPort<Num>;
      override async onRunning() {
        await place.probe.until(() => place.probe.calls.includes('source#0.onShutdown(done)'));
        for await (const values of this.numbers) if (values.length > 0) await clock.advance(600);
      }
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 20, batch: 1 }, { name: 'source' });
    // A batch in each partition, and a tick due after each.
    pipeline.add(Busy, {}, { name: 'busy', stepTimeout: 3_000, tick: 500, ports: { numbers: { partitions: 20 } } }).numbers.connect(source.numbers);
    const run = await place.start(pipeline, { clock });
    const told: string[] = [];
    run.on('stuck', (_replica, error) => void told.push(error.message));
    expect((await run.completed).outcome).toBe('done');
    expect(clock.now()).toBe(20 * 600);
    expect(told).toEqual([]);
    expect(of(await run.metrics(), 'busy').stepMs).toBe(clock.now());
  });

  it('is not told of who waits for room, of loops that wait for records, or where it is switched off', async () => {
    @operator(import.meta)
    class Loop extends Operator {
      @input(Num) declare readonly numbers: InputPort<Num>;
      constructor(@inject(Probe) private readonly probe: Probe) {
        super();
      }
      override async onRunning() {
        for await (const values of this.numbers) this.probe.receive(values);
      }
    }
    const paused = gate();
    let steps = 0;
    place.probe.at('source.onRunning', () => (++steps > 1 ? paused.opened : undefined));
    place.probe.at('full.onRunning', () => {});
    place.probe.at('blocked.onRunning', never);
    const pipeline = new Pipeline('p');
    // Waits in its second step with the watch off; the loop waits for what it sends.
    const source = pipeline.add(Source, { count: 10, batch: 5 }, { name: 'source', stepTimeout: 0 });
    pipeline.add(Loop, {}, { name: 'loop', stepTimeout: 1_000 }).numbers.connect(source.numbers);
    const run = await place.start(pipeline, { clock });
    const told: string[] = [];
    run.on('stuck', (_replica, error) => void told.push(error.message));
    await place.probe.until(() => place.probe.received.length === 5);
    await clock.advance(60_000);
    expect(told).toEqual([]);
    paused.open();
    await run.completed;

    const inHand = gate();
    place.probe.at('source.onRunning', () => {});
    place.probe.at('sink.onRunning', () => inHand.opened);
    const waiting = await place.start(pair({ count: 40, batch: 8, source: { stepTimeout: 1_000 }, sink: { stepTimeout: 0 } }), { clock, location: `${place.location}2?records=4` });
    waiting.on('stuck', (_replica, error) => void told.push(error.message));
    await place.probe.until(() => place.probe.calls.includes('sink#0.onInit'));
    await clock.advance(60_000);
    expect(told).toEqual([]);
    inHand.open();
    expect((await waiting.completed).outcome).toBe('done');
  });
});
