import { memoryBackend, type ChannelBackend, type Control, type Transport } from '@millrace/core';
import { SettableClock, withFaults } from '@millrace/testing';
import { ContainerModule } from 'inversify';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gate, pair, Place } from './fixtures.js';
import type { Run } from './run.js';

/** The memory backend, which keeps book of what is open. */
class Counting {
  readonly open = new Set<string>();
  #count = 0;
  readonly backend: ChannelBackend = { ...memoryBackend, connect: async (location) => this.#follow('transport', await memoryBackend.connect(location), (transport) => this.#transport(transport)) };

  /** Notes a thing as open until it is closed. */
  #follow<T extends { close(): Promise<void> }>(kind: string, thing: T, wrap: (thing: T) => Partial<T> = () => ({})): T {
    const name = `${kind} ${++this.#count}`;
    this.open.add(name);
    const close = async (): Promise<void> => {
      await thing.close();
      this.open.delete(name);
    };
    const own: Partial<T> = { ...wrap(thing), close };
    return new Proxy(thing, { get: (target, key) => {
      if (Object.hasOwn(own, key)) return own[key as keyof T];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    } });
  }

  #transport(transport: Transport): Partial<Transport> {
    return {
      open: async (owner) => this.#follow('session', await transport.open(owner)),
      control: (pipeline) => {
        const control = transport.control(pipeline);
        return { put: (...args) => control.put(...args), remove: (...args) => control.remove(...args), follow: async (...args) => this.#follow('follower', await control.follow(...args)) } satisfies Control;
      },
    };
  }
}

let place: Place;
let clock: SettableClock;
let counting: Counting;
beforeEach(() => {
  place = new Place();
  clock = new SettableClock();
  counting = new Counting();
});
afterEach(() => place.clear());

/** What Node.js holds for us; the test runner's own comes and goes. */
const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
const listeners = (): readonly number[] => ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection', 'exit'].map((event) => process.listenerCount(event));

const endless = () => pair({ count: 1e9, batch: 3, sink: { replicas: 2, tick: 5 } });
const never = (): Promise<void> => new Promise(() => {});

it.each<[string, (start: (pipeline: ReturnType<typeof pair>, grace?: number) => Promise<Run>) => Promise<unknown>]>([
  ['is done', async (start) => (await start(pair({ count: 30, batch: 3, sink: { replicas: 2, tick: 5 } }))).completed],
  ['is drained', async (start) => {
    const run = await start(endless());
    await place.probe.until(() => place.probe.received.length > 0);
    return await run.stop();
  }],
  ['is stopped', async (start) => {
    const run = await start(endless());
    await place.probe.until(() => place.probe.received.length > 0);
    return await run.stop({ mode: 'now' });
  }],
  ['is stopped before it began', async (start) => (await start(endless())).stop()],
  ['fails', async (start) => {
    place.probe.at('sink#1.onRunning', () => {
      throw new Error('sand');
    });
    return await (await start(endless())).completed.catch(() => 'failed');
  }],
  ['fails before it runs', async (start) => {
    place.probe.at('sink.onInit', () => {
      throw new Error('sand');
    });
    return await (await start(endless())).completed.catch(() => 'failed');
  }],
  ['is fenced', async (start) => {
    const run = await start(endless());
    await place.probe.until(() => place.probe.received.length > 0);
    const other = await start(endless());
    await run.completed.catch(() => 'fenced');
    return await other.stop({ mode: 'now' });
  }],
  ['is given up', async (start) => {
    place.probe.at('sink#0.onRunning', never);
    const run = await start(endless(), 50);
    await place.probe.until(() => place.probe.calls.includes('sink#0.onInit'));
    const stopped = run.stop({ mode: 'now' }).catch(() => 'given up');
    await clock.advance(50);
    return await stopped;
  }],
])('a run that %s holds nothing any more', async (_how, end) => {
  const before = { timers: timers(), listeners: listeners() };
  const runs: Run[] = [];
  const result = await end(async (pipeline, grace = 20_000) => {
    const run = await place.start(pipeline, { clock, grace, backends: [counting.backend], handleSignals: true });
    runs.push(run);
    return run;
  });
  expect(result).toBeDefined();
  await Promise.allSettled(runs.map((run) => run.completed));
  // What follows a rejection or resolution, such as letting signals go, comes after it.
  await new Promise((resolve) => setImmediate(resolve));
  expect([...counting.open]).toEqual([]);
  expect(clock.timers).toBe(0);
  expect(timers()).toBeLessThanOrEqual(before.timers);
  expect(listeners()).toEqual(before.listeners);
  // No process lives any more as far as the others can know.
  expect((await place.facts()).filter((key) => key.startsWith('beat/'))).toEqual([]);
});

it.each(['backend.connect', 'transport.open', 'transport.createResources', 'control.put', 'control.follow', 'session.commit'] as const)('a start that fails at any %s holds nothing', async (member) => {
  const before = { timers: timers(), listeners: listeners() };
  for (let at = 1; ; at++) {
    const backend = withFaults(counting.backend, [{ member, at, action: 'fail' }]);
    const run = await place.start(pair({ count: 3 }), { clock, backends: [backend] }).catch(() => undefined);
    await run?.completed.catch(() => undefined);
    expect([at, ...counting.open]).toEqual([at]);
    expect(clock.timers).toBe(0);
    if (backend.injected.length === 0) break;
  }
  expect(timers()).toBeLessThanOrEqual(before.timers);
  expect(listeners()).toEqual(before.listeners);
});

it('a start whose plan or services are wrong holds nothing', async () => {
  await expect(place.start(pair({ count: -1, source: { replicas: 0 } }), { clock, backends: [counting.backend] })).rejects.toMatchObject({ code: 'MILLRACE_PLAN_INVALID' });
  const broken = new ContainerModule(() => {
    throw new Error('no services today');
  });
  await expect(place.start(pair(), { clock, backends: [counting.backend], services: broken })).rejects.toThrow('MILLRACE_INJECTION_FAILED: the services cannot be bound: no services today');
  expect([...counting.open]).toEqual([]);
  expect(clock.timers).toBe(0);
});

it('a run that is done leaves nothing in the memory space but the number of its generation', async () => {
  const inHand = gate();
  place.probe.at('sink#0.onRunning', () => inHand.opened);
  const run = await place.start(pair({ count: 30, batch: 3, source: { replicas: 2 }, sink: { replicas: 3 } }));
  inHand.open();
  await run.completed;
  expect(await place.unread('p.sink.numbers')).toBeUndefined();
  expect(await place.facts()).toEqual(['generation']);
  for (const owner of ['p.source#0', 'p.source#1', 'p.sink#0', 'p.sink#1', 'p.sink#2']) expect(await place.state(owner)).toEqual(new Map());
  expect(JSON.parse((await place.state('p')).get('generation')!)).toMatchObject({ number: 1, phase: 'completed' });
});
