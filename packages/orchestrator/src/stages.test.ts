import { input, InputPort, Operator, operator, Pipeline, plugin, Plugin, silentLogger, type ExtendedPlugin, type Logger, type ParametersOf, type PortPlugin, type ResourceHandlerPlugin, type ServicePlugin, type Stage } from '@millrace/core';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Num, pair, Place, Probe, Source } from './fixtures.js';

/** Has every hook that a plugin can have. */
class Part extends Plugin implements ServicePlugin, ResourceHandlerPlugin, PortPlugin, ExtendedPlugin {
  static override readonly parameters = z.object({ size: z.int().default(1) });
  declare readonly parameters: ParametersOf<typeof Part>;
  constructor(@inject(Probe) private readonly probe: Probe) {
    super();
  }
  private call(hook: string, ...args: readonly unknown[]): unknown {
    return this.probe.call(this.context.name.slice('p.full#0.'.length), this.context.replica, hook, ...args);
  }
  async preExecution() {
    await this.call('preExecution');
  }
  async onServiceStart() {
    await this.call('onServiceStart');
  }
  async onResourceCreation() {
    await this.call('onResourceCreation');
  }
  async onPortOpen() {
    await this.call('onPortOpen');
  }
  async onPortClose() {
    await this.call('onPortClose');
  }
  async onResourceDeletion() {
    await this.call('onResourceDeletion');
  }
  async onServiceShutdown() {
    await this.call('onServiceShutdown');
  }
  async postExecution() {
    await this.call('postExecution');
  }
  override async onError(error: Error, source: string) {
    await this.call('onError', error, source);
  }
  override async onInterrupt(signal: string) {
    await this.call('onInterrupt', signal);
  }
}

/** `low` before `a` and `b`, which go beside each other, before `high`. */
@operator(import.meta)
class Full extends Operator {
  static override readonly parameters = z.object({ size: z.int().default(7) });
  declare readonly parameters: ParametersOf<typeof Full>;
  @input(Num, { dependsOn: ['low'] }) declare readonly numbers: InputPort<Num>;
  @plugin(Part, { dependsOn: ['a', 'b'] }) declare readonly high: Part;
  @plugin(Part, { dependsOn: ['low'], parameters: ({ size }: ParametersOf<typeof Full>) => ({ size: 2 * size }) }) declare readonly a: Part;
  @plugin(Part, { dependsOn: ['low'] }) declare readonly b: Part;
  @plugin(Part) declare readonly low: Part;
  constructor(@inject(Probe) private readonly probe: Probe) {
    super();
  }
  override async onInit() {
    await this.probe.call('full', 0, 'onInit');
  }
  override async onRunning() {
    this.numbers.retrieve();
    await this.probe.call('full', 0, 'onRunning');
  }
  override async onShutdown(reason: string) {
    await this.probe.call('full', 0, 'onShutdown', reason);
  }
  override async onError(error: Error, source: string) {
    await this.probe.call('full', 0, 'onError', error, source);
  }
}

function full(): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Full, {}, { name: 'full' }).numbers.connect(source.numbers);
  return pipeline;
}

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Calls of the operator with plugins and of its plugins. */
const calls = (): readonly string[] => place.probe.calls.filter((call) => !call.startsWith('source')).map((call) => call.replace('#0', ''));
const hooks = (...names: readonly string[]): readonly string[] => calls().filter((call) => names.some((name) => call.includes(`.${name}`)));

describe('stages', () => {
  const ALL: readonly Stage[] = ['ServiceStart', 'ResourceCreation', 'OperationInit', 'OperationRunning', 'OperationShutdown', 'ResourceDeletion', 'ServiceShutdown', 'Closed'];

  it('are told and logged one by one, from the first, for each replica', async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, debug: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`), child: () => logger };
    const told = new Map<string, string[]>();
    const run = await place.start(pair({ sink: { replicas: 2 } }), { logger });
    expect([...run.stages]).toEqual([['p.source#0', 'Entry'], ['p.sink#0', 'Entry'], ['p.sink#1', 'Entry']]);
    run.on('stage', (replica, stage, from) => {
      expect(run.stages.get(replica)).toBe(stage);
      told.set(replica, [...(told.get(replica) ?? []), `${from} → ${stage}`]);
    });
    await run.completed;
    const expected = ALL.map((stage, i) => `${i === 0 ? 'Entry' : ALL[i - 1]} → ${stage}`);
    expect([...told.keys()].sort()).toEqual(['p.sink#0', 'p.sink#1', 'p.source#0']);
    for (const steps of told.values()) expect(steps).toEqual(expected);
    expect(lines.filter((line) => line.includes('p.sink#1'))).toEqual(ALL.map((to, i) => `stage ${JSON.stringify({ replica: 'p.sink#1', from: i === 0 ? 'Entry' : ALL[i - 1], to })}`));
    expect([...run.stages.values()]).toEqual(['Closed', 'Closed', 'Closed']);
  });

  it('go on although a listener throws', async () => {
    const errors: string[] = [];
    const logger: Logger = { ...silentLogger, error: (fields, message) => void errors.push(`${message}: ${(fields as { error: Error }).error.message}`), child: () => logger };
    const run = await place.start(pair(), { logger });
    run.on('stage', (_replica, stage) => {
      if (stage === 'OperationRunning') throw new Error('the listener');
    });
    expect((await run.completed).outcome).toBe('done');
    expect(errors).toEqual(['a listener threw: the listener', 'a listener threw: the listener']);
  });
});

describe('plugins', () => {
  it('have their hooks called in the order of dependsOn, reversed on the way out', async () => {
    await (await place.start(full())).completed;
    expect(calls()).toEqual([
      ...['low', 'a', 'b', 'high'].map((name) => `${name}.preExecution`),
      ...['low', 'a', 'b', 'high'].map((name) => `${name}.onServiceStart`),
      ...['low', 'a', 'b', 'high'].map((name) => `${name}.onResourceCreation`),
      ...['low', 'a', 'b', 'high'].map((name) => `${name}.onPortOpen`),
      'full.onInit',
      'full.onShutdown(done)',
      ...['high', 'a', 'b', 'low'].map((name) => `${name}.onPortClose`),
      ...['high', 'a', 'b', 'low'].map((name) => `${name}.onResourceDeletion`),
      ...['high', 'a', 'b', 'low'].map((name) => `${name}.onServiceShutdown`),
      ...['high', 'a', 'b', 'low'].map((name) => `${name}.postExecution`),
    ]);
  });

  it('of one level go beside each other, and the next level waits for all of them', async () => {
    const both = { a: false, b: false };
    const meet = (mine: 'a' | 'b', other: 'a' | 'b') => async () => {
      both[mine] = true;
      // Never comes true where one waits for the other to end.
      await place.probe.until(() => both[other]);
      place.probe.calls.push(`${mine} through`);
    };
    place.probe.at('a.onServiceStart', meet('a', 'b')).at('b.onServiceStart', meet('b', 'a'));
    await (await place.start(full())).completed;
    const started = place.probe.calls.indexOf('high#0.onServiceStart');
    expect(started).toBeGreaterThan(place.probe.calls.indexOf('a through'));
    expect(started).toBeGreaterThan(place.probe.calls.indexOf('b through'));
  });

  it('have their parameters and their place before the first hook', async () => {
    const seen: unknown[] = [];
    @operator(import.meta)
    class Owner extends Full {
      override async onInit() {
        seen.push(...[this.low, this.a].map(({ parameters, context: { name, operator: owner, replica } }) => ({ parameters, name, owner, replica })));
      }
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Owner, { size: 4 }, { name: 'full' }).numbers.connect(source.numbers);
    let first: unknown;
    place.probe.at('a.preExecution', () => void (first = [...calls()]));
    await (await place.start(pipeline)).completed;
    expect(first).toEqual(['low.preExecution', 'a.preExecution']);
    expect(seen).toEqual([
      { parameters: { size: 1 }, name: 'p.full#0.low', owner: 'p.full#0', replica: 0 },
      { parameters: { size: 8 }, name: 'p.full#0.a', owner: 'p.full#0', replica: 0 },
    ]);
  });

  it('are left out of the way out where they were not called on the way in, and are all called else', async () => {
    place.probe.at('a.onServiceStart', () => Promise.reject(new Error('no port')));
    place.probe.at('low.onServiceShutdown', () => Promise.reject(new Error('closed already')));
    const errors: string[] = [];
    const run = await place.start(full());
    run.on('error', (_replica, error, source, fatal) => void errors.push(`${source} ${fatal}: ${error.message}`));
    await expect(run.completed).rejects.toThrow('MILLRACE_HOOK_FAILED: p.full#0.a.onServiceStart failed: no port');
    // `high` was never asked to start; `b` had started beside `a`.
    expect(hooks('onServiceStart', 'onServiceShutdown', 'postExecution').map((call) => call.replace(/\(.*/, ''))).toEqual([
      'low.onServiceStart', 'a.onServiceStart', 'b.onServiceStart',
      'a.onServiceShutdown', 'b.onServiceShutdown', 'low.onServiceShutdown',
      'high.postExecution', 'a.postExecution', 'b.postExecution', 'low.postExecution',
    ]);
    expect(errors).toEqual([
      'onServiceStart true: MILLRACE_HOOK_FAILED: p.full#0.a.onServiceStart failed: no port',
      'onServiceShutdown false: MILLRACE_HOOK_FAILED: p.full#0.low.onServiceShutdown failed: closed already',
    ]);
    expect(run.exitCode).toBe(110);
  });

  it.each([
    ['preExecution', 129], ['onServiceStart', 110], ['onResourceCreation', 112], ['onPortOpen', 114],
    ['onPortClose', 116], ['onResourceDeletion', 113], ['onServiceShutdown', 111], ['postExecution', 129],
  ] as const)('that throw in %s fail the replica, and everybody is told the error and where it came from', async (hook, exitCode) => {
    for (const thrown of [new Error('sand'), undefined]) {
      place.probe.calls.length = 0;
      place.probe.at(`b.${hook}`, () => Promise.reject(thrown));
      const run = await place.start(full(), { fresh: true });
      const message = thrown === undefined ? `MILLRACE_NOT_AN_ERROR: p.full#0.b.${hook} threw undefined instead of an Error` : 'sand';
      await expect(run.completed).rejects.toThrow(thrown === undefined ? message : `MILLRACE_HOOK_FAILED: p.full#0.b.${hook} failed: sand`);
      expect([run.exitCode, run.stages.get('p.full#0')]).toEqual([exitCode, 'Failed']);
      expect(hooks('onError').toSorted()).toEqual(['a', 'b', 'full', 'high', 'low'].map((name) => `${name}.onError(${message}, ${hook})`));
      // Whatever happens on the way, who came in goes out.
      expect(calls().filter((call) => call.endsWith('.postExecution'))).toHaveLength(hook === 'preExecution' ? 2 : 4);
    }
  });

  it('that wrap the life come out of it only where they came into it', async () => {
    place.probe.at('a.preExecution', () => Promise.reject(new Error('not ready')));
    const run = await place.start(full());
    await expect(run.completed).rejects.toThrow('p.full#0.a.preExecution failed: not ready');
    expect(hooks('preExecution', 'postExecution', 'onServiceStart').filter((call) => !call.includes('onError'))).toEqual(['low.preExecution', 'a.preExecution', 'b.preExecution', 'b.postExecution', 'low.postExecution']);
    expect(run.exitCode).toBe(129);
  });

  it('that fail beside each other are all reported', async () => {
    for (const name of ['a', 'b']) place.probe.at(`${name}.onResourceCreation`, () => Promise.reject(new Error(`${name} is full`)));
    const errors: string[] = [];
    const run = await place.start(full());
    run.on('error', (_replica, error, source, fatal) => void errors.push(`${source} ${fatal}: ${error.message}`));
    await expect(run.completed).rejects.toThrow('a is full');
    expect(errors).toEqual([
      'onResourceCreation true: MILLRACE_HOOK_FAILED: p.full#0.a.onResourceCreation failed: a is full',
      'onResourceCreation false: MILLRACE_HOOK_FAILED: p.full#0.b.onResourceCreation failed: b is full',
    ]);
    expect(run.exitCode).toBe(112);
  });

  it('are told of a stop once', async () => {
    place.probe.at('full.onRunning', () => void run.stop({ mode: 'now', reason: 'SIGTERM' }));
    const run = await place.start(full());
    expect((await run.completed).outcome).toBe('stopped');
    expect(hooks('onInterrupt')).toEqual(['high', 'a', 'b', 'low'].map((name) => `${name}.onInterrupt(SIGTERM)`));
    // A stop deletes nothing.
    expect(hooks('onResourceDeletion')).toEqual([]);
  });
});

describe('modes', () => {
  const EVERY = ['preExecution', 'onServiceStart', 'onResourceCreation', 'onPortOpen', 'onInit', 'onShutdown', 'onPortClose', 'onResourceDeletion', 'onServiceShutdown', 'postExecution'];
  const ran = (): readonly string[] => EVERY.filter((hook) => hooks(hook).length > 0);
  const channel = 'p.full.numbers';

  it('Standard runs everything and deletes what the run had', async () => {
    const run = await place.start(full(), { mode: 'Standard' });
    expect(await place.unread(channel)).toBeDefined();
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(ran()).toEqual(EVERY);
    expect(await place.unread(channel)).toBeUndefined();
  });

  it('WithoutResourceDeletion keeps it, and a later start finds everything done and deletes it', async () => {
    expect(await (await place.start(full(), { mode: 'WithoutResourceDeletion' })).completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(ran()).toEqual(EVERY.filter((hook) => hook !== 'onResourceDeletion'));
    expect(await place.unread(channel)).toBe(0);
    expect((await place.state('p.source#0')).get('state/progress')).toBe('{"sent":10}');
    place.probe.calls.length = 0;
    expect(await (await place.start(full())).completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(hooks('onInit', 'onShutdown')).toEqual([]);
    expect(hooks('onResourceDeletion')).toHaveLength(4);
    expect(await place.unread(channel)).toBeUndefined();
  });

  it('ResourceCreationOnly makes channels and runs no operator', async () => {
    const run = await place.start(full(), { mode: 'ResourceCreationOnly' });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(ran()).toEqual(['preExecution', 'onServiceStart', 'onResourceCreation', 'onServiceShutdown', 'postExecution']);
    expect(await place.unread(channel)).toBe(0);
    expect((await (await place.start(full())).completed).outcome).toBe('done');
  });

  it('ResourceDeletionOnly deletes what was read, and runs no operator', async () => {
    await (await place.start(full(), { mode: 'WithoutResourceDeletion' })).completed;
    place.probe.calls.length = 0;
    const run = await place.start(full(), { mode: 'ResourceDeletionOnly' });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(ran()).toEqual(['preExecution', 'onServiceStart', 'onResourceDeletion', 'onServiceShutdown', 'postExecution']);
    expect(await place.unread(channel)).toBeUndefined();
    expect(await place.facts()).toEqual(['generation']);
    expect(await place.state('p.source#0')).toEqual(new Map());
  });

  it('ResourceDeletionOnly refuses to delete unread records, names the channels, and disturbs nobody; fresh says that it may', async () => {
    place.probe.at('full.onRunning', () => place.probe.until(() => false));
    const running = await place.start(full(), { grace: 0 });
    await place.probe.until(() => place.probe.calls.includes('full#0.onInit'));
    await place.probe.until(() => place.probe.calls.some((call) => call.startsWith('source#0.onShutdown')));
    await expect(place.start(full(), { mode: 'ResourceDeletionOnly' })).rejects.toThrow('MILLRACE_DATA_UNREAD: p deletes nothing, since nobody has read all records in p.full.numbers; run the pipeline to its end, or give fresh: true to delete them too');
    expect(running.generation).toBe(1);
    await expect(running.stop({ mode: 'now' })).rejects.toThrow('MILLRACE_TIMEOUT');
    expect(await place.unread(channel)).toBe(10);
    expect(await (await place.start(full(), { mode: 'ResourceDeletionOnly', fresh: true })).completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(await place.unread(channel)).toBeUndefined();
  });

  it('Skip connects to nothing and calls nothing', async () => {
    const run = await place.start(full(), { mode: 'Skip' });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect([run.generation, run.exitCode, [...run.stages.values()]]).toEqual([0, 0, ['Closed', 'Closed']]);
    expect(place.probe.calls).toEqual([]);
    expect(await place.facts()).toEqual([]);
  });
});
