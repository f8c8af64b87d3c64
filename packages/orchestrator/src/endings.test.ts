import { getEventListeners } from 'node:events';
import { MillraceError, Operator, operator, output, OutputPort, Pipeline, plugin, Plugin, type ServicePlugin } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { ContainerModule, inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, Num, pair, Place, range, Sink, sorted } from './fixtures.js';
import type { Run } from './run.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const DELIVERIES = ['at-least-once', 'exactly-once'] as const;
const channel = 'p.sink.numbers';
const calls = (hook: string): readonly string[] => place.probe.calls.filter((call) => call.includes(`.${hook}`));

/** A source that goes on until it is stopped, and a sink. */
const endless = (): Pipeline => pair({ count: 1e9, batch: 3 });
const limited = (count: number): Pipeline => pair({ count, batch: 3 });

/** How far the source had come, by its committed state. */
const sent = async (): Promise<number> => (JSON.parse((await place.state('p.source#0')).get('state/progress') ?? '{"sent":0}') as { sent: number }).sent;

/** Starts again, with a count a little beyond what was sent, and expects each number once over all runs. */
async function expectTheRest(received: readonly number[]): Promise<void> {
  const count = (await sent()) + 6;
  place.probe.received.length = 0;
  const run = await place.start(limited(count));
  expect((await run.completed).outcome).toBe('done');
  expect(sorted([...received, ...place.probe.received])).toEqual(range(count));
  expect(place.probe.kept.get('p.sink#0')).toEqual(range(count));
}

describe.each(DELIVERIES)('%s: a run', (delivery) => {
  const defaults = { delivery };

  it('that is done has deleted channels, positions, state and facts, and keeps its number', async () => {
    const run = await place.start(limited(30), { defaults });
    const result = await run.completed;
    expect(result).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(result.replicas.map(({ name, stage, reason, exitCode, error }) => [name, stage, reason, exitCode, error])).toEqual([['p.source#0', 'Closed', 'done', 0, undefined], ['p.sink#0', 'Closed', 'done', 0, undefined]]);
    expect(sorted(place.probe.received)).toEqual(range(30));
    expect(calls('onShutdown')).toEqual(['source#0.onShutdown(done)', 'sink#0.onShutdown(done)']);
    expect(await place.unread(channel)).toBeUndefined();
    expect(await place.facts()).toEqual(['generation']);
    expect([await place.state('p.source#0'), await place.state('p.sink#0')]).toEqual([new Map(), new Map()]);
    const next = await place.start(limited(3), { defaults });
    expect([run.generation, next.generation]).toEqual([1, 2]);
    await next.completed;
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(3));
  });

  it('that is drained has processed all that was sent, deletes nothing, and goes on at the next start', async () => {
    const run = await place.start(endless(), { defaults });
    await place.probe.until(() => place.probe.received.length >= 9);
    const result = await run.stop({ reason: 'enough' });
    expect(result).toMatchObject({ outcome: 'drained', exitCode: 130 });
    expect(result.replicas.map(({ reason, exitCode }) => [reason, exitCode])).toEqual([['drained', 130], ['drained', 130]]);
    expect(calls('onInterrupt')).toEqual(['source#0.onInterrupt(enough)', 'sink#0.onInterrupt(enough)']);
    expect(calls('onShutdown')).toEqual(['source#0.onShutdown(drained)', 'sink#0.onShutdown(drained)']);
    const count = await sent();
    expect(place.probe.received).toEqual(range(count));
    expect(await place.unread(channel)).toBe(0);
    expect((await place.state('p.source#0')).has('framework')).toBe(false);
    await expectTheRest([...place.probe.received]);
  });

  it('that is stopped ends after the step in hand, commits it, deletes nothing, and goes on with what was left', async () => {
    const inHand = gate();
    place.probe.at('sink.onRunning', () => (place.probe.received.length >= 9 ? inHand.opened : undefined));
    const run = await place.start(endless(), { defaults });
    await place.probe.until(() => place.probe.received.length >= 9);
    const stopped = run.stop({ mode: 'now' });
    inHand.open();
    expect(await stopped).toMatchObject({ outcome: 'stopped', exitCode: 130 });
    expect(calls('onShutdown').toSorted()).toEqual(['sink#0.onShutdown(stopped)', 'source#0.onShutdown(stopped)']);
    const received = [...place.probe.received];
    expect(await place.unread(channel)).toBe((await sent()) - received.length);
    expect(await place.facts()).toContain('generation');
    await expectTheRest(received);
  });

  /** A pair whose source waits for room, and whose sink waits in its first step. */
  async function full(): Promise<{ run: Run; goOn(): void }> {
    const inHand = gate();
    const steps = { source: 0, sink: 0 };
    place.probe.at('sink.onRunning', () => {
      steps.sink++;
      place.probe.noted();
      return inHand.opened;
    });
    place.probe.at('source.onRunning', () => {
      steps.source++;
      place.probe.noted();
    });
    // Under exactly-once a batch is in the channel only once it is committed, so the second one waits.
    const run = await place.start(pair({ count: 1e9, batch: 8 }), { defaults, location: `${place.location}?records=4` });
    await place.probe.until(() => steps.sink === 1 && steps.source === (delivery === 'exactly-once' ? 2 : 1));
    await new Promise((resolve) => setImmediate(resolve));
    return { run, goOn: () => inHand.open() };
  }
  const waited = async (run: Run): Promise<number> => (await run.metrics()).replicas.find(({ operator: name }) => name === 'source')!.ports[0]!.backPressureMs;

  it('that is stopped while a source waits for room keeps what the source has sent', async () => {
    const { run, goOn } = await full();
    const stopped = run.stop({ mode: 'now' });
    goOn();
    expect((await stopped).outcome).toBe('stopped');
    expect(await waited(run)).toBeGreaterThan(0);
    await expectTheRest([...place.probe.received]);
  });

  it('that is drained while a source waits for room lets the reader make some', async () => {
    const { run, goOn } = await full();
    const drained = run.stop();
    goOn();
    expect((await drained).outcome).toBe('drained');
    expect(await waited(run)).toBeGreaterThan(0);
    expect(place.probe.received).toEqual(range(await sent()));
    expect(await place.unread(channel)).toBe(0);
    await expectTheRest([...place.probe.received]);
  });
});

describe('stop', () => {
  it('twice is one stop, and the second only waits', async () => {
    const run = await place.start(endless());
    await place.probe.until(() => place.probe.received.length > 0);
    expect(run.stop()).toBe(run.completed);
    expect(run.stop()).toBe(run.completed);
    expect((await run.completed).outcome).toBe('drained');
    expect(calls('onInterrupt')).toHaveLength(2);
  });

  it('may ask for now after drain', async () => {
    const inHand = gate();
    place.probe.at('sink.onRunning', () => inHand.opened);
    const run = await place.start(endless());
    await place.probe.until(() => calls('onInit').length === 2);
    void run.stop({ reason: 'SIGTERM' });
    void run.stop({ mode: 'now', reason: 'SIGINT' });
    inHand.open();
    expect((await run.completed).outcome).toBe('stopped');
    // Once per signal.
    expect(calls('onInterrupt').filter((call) => call.startsWith('sink'))).toEqual(['sink#0.onInterrupt(SIGTERM)', 'sink#0.onInterrupt(SIGINT)']);
  });

  it('before anything began lets nothing begin', async () => {
    const run = await place.start(endless());
    expect(await run.stop()).toMatchObject({ outcome: 'stopped', exitCode: 130 });
    expect(place.probe.calls).toEqual([]);
    expect([...run.stages.values()]).toEqual(['Closed', 'Closed']);
    await expectTheRest([]);
  });

  it.each(['now', 'drain'] as const)('%s while the replicas start ends them in order', async (mode) => {
    const starting = gate();
    place.probe.at('source.onInit', () => starting.opened);
    const run = await place.start(limited(30));
    await place.probe.until(() => calls('onInit').some((call) => call.startsWith('source')));
    const stopped = run.stop({ mode });
    starting.open();
    expect((await stopped).outcome).toBe(mode === 'now' ? 'stopped' : 'drained');
    // Who had not begun has nothing to end; what began ends once.
    const inits = calls('onInit').map((call) => call.split('.')[0]).toSorted();
    expect(calls('onShutdown').map((call) => call.split('.')[0]).toSorted()).toEqual(inits);
    expect(place.probe.received).toEqual([]);
    await expectTheRest([]);
  });

  it('after the end changes nothing and calls nobody', async () => {
    const clock = new SettableClock();
    const run = await place.start(limited(3), { clock });
    const result = await run.completed;
    expect(await run.stop({ mode: 'now' })).toBe(result);
    expect(calls('onInterrupt')).toEqual([]);
    expect(clock.timers).toBe(0);
    expect(run.exitCode).toBe(0);
  });
});

describe('an AbortSignal', () => {
  it('that fires drains the run, and is let go afterwards', async () => {
    const controller = new AbortController();
    const run = await place.start(endless(), { signal: controller.signal });
    await place.probe.until(() => place.probe.received.length > 0);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    expect((await run.completed).outcome).toBe('drained');
    expect(calls('onInterrupt')).toEqual(['source#0.onInterrupt(abort)', 'sink#0.onInterrupt(abort)']);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('that has fired already lets nothing begin', async () => {
    const run = await place.start(endless(), { signal: AbortSignal.abort() });
    expect((await run.completed).outcome).toBe('stopped');
    expect(place.probe.calls).toEqual([]);
  });

  it('that never fires is let go when the run is over', async () => {
    const controller = new AbortController();
    await (await place.start(limited(3), { signal: controller.signal })).completed;
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});

describe('grace', () => {
  it('that a drain exceeds turns it into a stop, of which nobody is told again', async () => {
    const clock = new SettableClock();
    const inHand = gate();
    place.probe.at('sink.onRunning', () => inHand.opened);
    const run = await place.start(endless(), { clock, grace: 500 });
    await place.probe.until(() => calls('onInit').length === 2);
    const stopped = run.stop();
    await clock.advance(500);
    inHand.open();
    expect((await stopped).outcome).toBe('stopped');
    expect(calls('onInterrupt').filter((call) => call.startsWith('sink'))).toEqual(['sink#0.onInterrupt(stop)']);
    await expectTheRest([...place.probe.received]);
  });

  const never = (): Promise<void> => new Promise(() => {});
  it.each([
    ['onInit', 'OperationInit', 114],
    ['onRunning', 'OperationRunning', 115],
    ['onCommit', 'OperationRunning', 115],
    ['onTick', 'OperationRunning', 115],
    ['onShutdown', 'OperationShutdown', 116],
  ] as const)('given up on a %s that never returns: the run fails, says so, and keeps all that was committed', async (hook, stage, exitCode) => {
    const clock = new SettableClock();
    let reached = false;
    place.probe.at(`sink.${hook}`, () => {
      reached = true;
      return never();
    });
    const run = await place.start(pair({ count: 1e9, batch: 3, sink: { tick: 10 } }), { clock, grace: 500 });
    if (hook === 'onShutdown') {
      await place.probe.until(() => place.probe.received.length > 0);
      void run.stop({ mode: 'now' });
    }
    if (hook === 'onTick') while (!reached) await clock.advance(10);
    await place.probe.until(() => reached);
    const stopped = run.stop({ mode: 'now' });
    expect(run.stages.get('p.sink#0')).toBe(stage);
    await clock.advance(499);
    expect(run.stages.get('p.sink#0')).toBe(stage);
    await clock.advance(1);
    const error: unknown = await stopped.catch((reason: unknown) => reason);
    expect(MillraceError.is(error, 'MILLRACE_TIMEOUT')).toBe(true);
    expect((error as Error).message).toContain(`p.sink#0 did not stop within 500 ms; it is in ${hook}, which began `);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stages.get('p.sink#0')).toBe('Failed');
    // No other hook of the operator may run beside the one that hangs.
    const after = place.probe.calls.filter((call) => call.startsWith('sink#0.onError') || call.startsWith('sink#0.onShutdown'));
    expect(after).toEqual(hook === 'onShutdown' ? ['sink#0.onShutdown(stopped)'] : []);
    expect(clock.timers).toBe(0);
    // What the sink had not committed comes again.
    place.probe.at(`sink.${hook}`, () => {});
    const committed = JSON.parse((await place.state('p.sink#0')).get('state/seen') ?? '[]') as number[];
    expect(committed).toEqual([]);
    const count = (await sent()) + 3;
    expect((await (await place.start(limited(count))).completed).outcome).toBe('done');
    expect(place.probe.kept.get('p.sink#0')).toEqual(range(count));
  });

  it('given up on a service that never comes', async () => {
    const clock = new SettableClock();
    @operator(import.meta)
    class Waiting extends Operator {
      constructor(@inject('slow') readonly slow: unknown) {
        super();
      }
      override onRunning() {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Waiting, {}, { name: 'waiting' });
    let asked = false;
    const services = new ContainerModule(({ bind }) => void bind('slow').toDynamicValue(() => {
      asked = true;
      place.probe.noted();
      return never();
    }));
    const run = await place.start(pipeline, { clock, grace: 500, services });
    await place.probe.until(() => asked);
    const stopped = run.stop({ mode: 'now' });
    await clock.advance(500);
    await expect(stopped).rejects.toThrow('p.waiting#0 did not stop within 500 ms; it is in constructor, which began 500 ms ago');
    expect(run.exitCode).toBe(129);
  });

  it('of the clean-up: every plugin that hangs is given up in its turn, and the others are closed', async () => {
    const clock = new SettableClock();
    class Part extends Plugin implements ServicePlugin {
      async onServiceStart() {}
      async onServiceShutdown() {
        place.probe.calls.push(`${this.context.name}.close`);
        place.probe.noted();
        if (!this.context.name.endsWith('last')) await never();
      }
    }
    @operator(import.meta)
    class Holder extends Operator {
      @plugin(Part) declare readonly last: Part;
      @plugin(Part, { dependsOn: ['last'] }) declare readonly second: Part;
      @plugin(Part, { dependsOn: ['second'] }) declare readonly first: Part;
      override onRunning() {
        return true;
      }
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Holder, {}, { name: 'holder' });
    const run = await place.start(pipeline, { clock, grace: 2_000 });
    await place.probe.until(() => place.probe.calls.length === 1);
    const stopped = run.stop();
    // The drain, the stop, and then one grace for each of the two.
    await clock.advance(6_000);
    const error: unknown = await stopped.catch((reason: unknown) => reason);
    expect((error as Error).message).toContain('it is in first.onServiceShutdown, which began');
    expect(place.probe.calls).toEqual(['p.holder#0.first.close', 'p.holder#0.second.close', 'p.holder#0.last.close']);
    expect([run.exitCode, clock.timers]).toEqual([111, 0]);
  });

  it('leaves a step that comes back later with closed ports', async () => {
    const clock = new SettableClock();
    const late = gate();
    let reason: unknown;
    @operator(import.meta)
    class Late extends Operator {
      @output(Num) declare readonly numbers: OutputPort<Num>;
      override async onRunning() {
        place.probe.call('late', 0, 'onInit');
        await late.opened;
        reason = await this.numbers.send([{ n: 1 }]).catch((error: unknown) => error);
        place.probe.noted();
      }
    }
    const pipeline = new Pipeline('p');
    const from = pipeline.add(Late, {}, { name: 'late' });
    pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(from.numbers);
    const run = await place.start(pipeline, { clock, grace: 500 });
    await place.probe.until(() => calls('onInit').some((call) => call.startsWith('late')));
    const stopped = run.stop({ mode: 'now' });
    await clock.advance(500);
    await expect(stopped).rejects.toThrow('it is in onRunning');
    late.open();
    await place.probe.until(() => reason !== undefined);
    expect(reason).toMatchObject({ code: 'MILLRACE_PORT_CLOSED' });
    expect(await place.unread(channel)).toBe(0);
  });
});
