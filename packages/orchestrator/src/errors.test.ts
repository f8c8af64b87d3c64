import { input, InputPort, MillraceError, Operator, operator, Pipeline, silentLogger, type Logger } from '@millrace/core';
import { inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Num, pair, Place, range, sorted, Source, Sink } from './fixtures.js';
import type { Run } from './run.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Events of a run, as `replica source fatal: message`. */
function errorsOf(run: Run): string[] {
  const errors: string[] = [];
  run.on('error', (replica, error, source, fatal) => void errors.push(`${replica} ${source}${fatal ? '!' : ''}: ${error.message}`));
  return errors;
}

const rejection = async (run: Run): Promise<MillraceError> => {
  const error: unknown = await run.completed.catch((reason: unknown) => reason);
  expect(MillraceError.is(error)).toBe(true);
  return error as MillraceError;
};

const TICKING = { sink: { tick: 5 } } as const;

describe.each([
  // hook, exit code, what shutdown is told, whether the sink has processed and committed something
  ['onInit', 114, 'failed'],
  ['onRunning', 115, 'failed'],
  ['onTick', 115, 'failed'],
  ['onCommit', 115, 'failed'],
  ['onShutdown', 116, 'done'],
] as const)('a sink whose %s throws', (hook, exitCode, reason) => {
  const code = hook === 'onRunning' ? 'MILLRACE_STEP_FAILED' : 'MILLRACE_HOOK_FAILED';

  it('ends the run with that error, tells onError where it came from, and keeps everything for the next start', async () => {
    place.probe.at(`sink.${hook}`, () => {
      throw new Error('sand');
    });
    // A tick has to come before the end does.
    if (hook === 'onTick') place.probe.at('source.onRunning', () => place.probe.until(() => place.probe.calls.includes('sink#0.onTick')));
    const run = await place.start(pair(TICKING));
    const errors = errorsOf(run);
    const error = await rejection(run);
    expect(error).toMatchObject({ code, operator: 'p.sink#0', cause: { message: 'sand' } });
    expect(error.message).toContain(`p.sink#0.${hook} failed`);
    expect(errors).toEqual([`p.sink#0 ${hook}!: ${error.message}`]);
    expect(run.exitCode).toBe(exitCode);
    expect(run.stages.get('p.sink#0')).toBe('Failed');
    const calls = place.probe.calls.filter((call) => call.startsWith('sink#0.onE') || call.startsWith('sink#0.onS'));
    expect(calls.filter((call) => call.includes('onError'))).toEqual([`sink#0.onError(sand, ${hook})`]);
    // Once for the instance, even where it is what failed.
    expect(calls.filter((call) => call.startsWith('sink#0.onShutdown'))).toEqual([`sink#0.onShutdown(${reason})`]);

    // Nothing is deleted; what was not committed comes again, and every number once in what is kept.
    expect(await place.unread('p.sink.numbers')).toBeDefined();
    place.probe.at(`sink.${hook}`, () => {});
    expect((await (await place.start(pair(TICKING))).completed).outcome).toBe('done');
    expect(sorted(place.probe.kept.get('p.sink#0')!)).toEqual(range(10));
  });

  it('may throw undefined', async () => {
    place.probe.at(`sink.${hook}`, () => {
      throw undefined;
    });
    if (hook === 'onTick') place.probe.at('source.onRunning', () => place.probe.until(() => place.probe.calls.includes('sink#0.onTick')));
    const run = await place.start(pair(TICKING));
    const error = await rejection(run);
    expect(error.message).toBe(`MILLRACE_NOT_AN_ERROR: p.sink#0.${hook} threw undefined instead of an Error`);
    expect(run.exitCode).toBe(exitCode);
  });
});

describe('a constructor', () => {
  it('that throws fails the run before anything begins', async () => {
    let made = 0;
    place.probe.at('sink.constructor', () => {
      made++;
      throw new Error('no arms');
    });
    const run = await place.start(pair());
    const errors = errorsOf(run);
    const error = await rejection(run);
    expect(error.message).toBe('MILLRACE_INJECTION_FAILED: p.sink#0 of class Sink cannot be made: no arms');
    expect(errors).toEqual([`p.sink#0 constructor!: ${error.message}`]);
    expect([made, run.exitCode, run.stages.get('p.sink#0')]).toEqual([1, 129, 'Failed']);
  });

  it('that throws undefined says so', async () => {
    place.probe.at('sink.constructor', () => {
      throw undefined;
    });
    expect((await rejection(await place.start(pair()))).message).toMatch(/p\.sink#0 of class Sink cannot be made: .*threw undefined instead of an Error/);
  });

  it('whose service is not bound is found before the start', async () => {
    @operator(import.meta)
    class Needy extends Operator {
      @input(Num) declare readonly numbers: InputPort<Num>;
      constructor(@inject('printer') readonly printer: unknown) {
        super();
      }
      override onRunning() {}
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Needy, {}, { name: 'needy' }).numbers.connect(source.numbers);
    await expect(place.start(pipeline)).rejects.toMatchObject({ code: 'MILLRACE_PLAN_INVALID' });
    await expect(place.start(pipeline)).rejects.toThrow('printer');
    expect(place.probe.calls).toEqual([]);
    expect(await place.facts()).toEqual([]);
  });
});

describe('several errors', () => {
  it('of one replica: the first is what the run rejects with, the others are told', async () => {
    place.probe.at('sink.onRunning', () => {
      throw new Error('first');
    });
    for (const hook of ['onShutdown', 'onError']) {
      place.probe.at(`sink.${hook}`, () => {
        throw new Error(`then ${hook}`);
      });
    }
    const run = await place.start(pair({ count: 1 }));
    const errors = errorsOf(run);
    expect((await rejection(run)).message).toBe('MILLRACE_STEP_FAILED: p.sink#0.onRunning failed: first');
    expect(errors.map((error) => error.replace(/: .*: /, ': '))).toEqual(['p.sink#0 onRunning!: first', 'p.sink#0 onError: then onError', 'p.sink#0 onShutdown: then onShutdown']);
    expect(run.exitCode).toBe(115);
  });

  it('of several replicas: the first one counts, and everybody else is stopped, and told why', async () => {
    let failures = 0;
    place.probe.at('sink.onRunning', async () => {
      failures++;
      await place.probe.until(() => failures === 2);
      throw new Error('both');
    });
    // Goes on for ever by itself.
    place.probe.at('source.onRunning', () => new Promise((resolve) => setImmediate(resolve)));
    const run = await place.start(pair({ count: 1e9, batch: 2, sink: { replicas: 2 } }));
    const errors = errorsOf(run);
    const error = await rejection(run);
    expect(error.message).toMatch(/^MILLRACE_STEP_FAILED: p\.sink#\d\.onRunning failed: both$/);
    expect(errors).toHaveLength(2);
    expect(errors[0]).toContain(error.operator);
    expect([...run.stages]).toEqual([['p.source#0', 'Closed'], ['p.sink#0', 'Failed'], ['p.sink#1', 'Failed']]);
    expect(place.probe.calls.filter((call) => call.startsWith('source#0.onI') || call.startsWith('source#0.onS'))).toEqual(['source#0.onInit', 'source#0.onInterrupt(failure)', 'source#0.onShutdown(stopped)']);
  });

  it('of onInterrupt are told and change nothing', async () => {
    place.probe.at('source.onInterrupt', () => Promise.reject(new Error('deaf')));
    place.probe.at('source.onRunning', () => void run.stop());
    const run = await place.start(pair({ count: 1e9, batch: 1 }));
    const errors = errorsOf(run);
    expect((await run.completed).outcome).toBe('drained');
    expect(errors).toEqual(['p.source#0 onInterrupt: deaf']);
  });
});

it('errors are logged, so that none is invisible, and nobody has to handle completed', async () => {
  const lines: string[] = [];
  const logger: Logger = { ...silentLogger, error: (fields, message) => void lines.push(`${message}: ${(fields as { error: Error }).error.message}`), child: () => logger };
  const unhandled: unknown[] = [];
  const listen = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', listen);
  try {
    place.probe.at('sink.onInit', () => {
      throw new Error('sand');
    });
    const run = await place.start(pair(), { logger });
    const ended = new Promise((resolve) => run.on('error', resolve));
    await ended;
    await run.stop().catch(() => undefined);
    // Node looks for unhandled ones after the microtasks of a turn.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', listen);
  }
  expect(lines).toEqual(['replica failed: MILLRACE_HOOK_FAILED: p.sink#0.onInit failed: sand']);
});

it('an error of a subclass names the operator, not the class', async () => {
  @operator(import.meta)
  class Special extends Sink {}
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Special, {}, { name: 'other' }).numbers.connect(source.numbers);
  place.probe.at('other.onInit', () => {
    throw new Error('sand');
  });
  expect((await rejection(await place.start(pipeline))).operator).toBe('p.other#0');
});
