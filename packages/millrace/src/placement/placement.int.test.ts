import { describe, expect, it } from 'vitest';
import { MillraceError } from '../index.js';
import { range, WITH_CHILDREN, workshops } from './fixtures.js';

const make = workshops();

describe.each(['process', 'thread'] as const)('replicas in a %s', (kind) => {
  it('do their share, and are told of as if they were here', async () => {
    const shop = make();
    const logged: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[] = [];
    const at = (level: string) => (fields: object, message: string): void => void logged.push({ level, fields: { ...fields }, message });
    const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => logger };
    const run = await shop.start({ scene: { scene: 'print' }, work: { placement: kind, replicas: 2, delivery: 'exactly-once' }, options: { logger } });
    const done = run.completed;
    const homes: (readonly [replica: string, child: string | undefined])[] = [];
    run.on('stage', (replica, stage) => {
      if (replica.includes('work') && stage === 'OperationRunning') homes.push([replica, run.children.find(({ replicas }) => replicas.includes(replica))?.name]);
    });
    const { outcome, replicas } = await done;
    expect(outcome).toBe('done');
    expect([...shop.numbers].sort((a, b) => a - b)).toEqual(range(100));

    const pids = new Set(shop.results.map(({ pid, thread }) => `${pid}/${thread}`));
    expect(pids.size).toBe(2);
    expect(shop.results.every(({ pid }) => (kind === 'thread') === (pid === process.pid))).toBe(true);
    expect(homes.sort()).toEqual(replicas.map(({ name }) => name).filter((name) => name.includes('work')).map((name) => [name, name]));
    expect(run.children).toEqual([]);

    const name = replicas.find((each) => each.name.endsWith('work#0'))!.name;
    expect(shop.told('stage').filter(([replica]) => replica === name).map(([, stage]) => stage)).toEqual(['ServiceStart', 'ResourceCreation', 'OperationInit', 'OperationRunning', 'OperationShutdown', 'ResourceDeletion', 'ServiceShutdown', 'Closed']);
    expect(run.stages.get(name)).toBe('Closed');
    expect(shop.told('output').filter(([child]) => child === name)).toEqual([[name, 'stdout', `hello from ${name}`], [name, 'stderr', 'and to stderr']]);
    expect(logged.find(({ message, fields }) => message === 'it logs' && fields['replica'] === name)).toMatchObject({ level: 'warn', fields: { map: new Map([['a', 1]]), error: expect.objectContaining({ name: 'TypeError', message: 'logged' }) } });
    const metrics = (await run.metrics()).replicas.filter(({ operator }) => operator === 'work');
    const counted = metrics.flatMap(({ ports }) => ports.filter(({ port }) => port === 'numbers').map(({ records }) => records));
    expect(counted.reduce((sum, each) => sum + each, 0)).toBe(100);
  }, WITH_CHILDREN);

  it('fail the run with the error as it was, its stack and its causes', async () => {
    const shop = make();
    const run = await shop.start({ scene: { scene: 'throw', at: 5 }, work: { placement: kind } });
    const error = await run.completed.then(() => undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MillraceError);
    expect(error).toMatchObject({ code: 'MILLRACE_STEP_FAILED', operator: expect.stringMatching(/work#0$/), message: expect.stringContaining('too far') });
    const cause = (error as Error).cause as Error;
    expect(cause).toMatchObject({ name: 'RangeError', message: 'too far', cause: { message: 'the cause', code: 'EWHY' } });
    expect(cause.stack).toMatch(/operators\.ts/);
    expect(run.exitCode).toBe(115);
    expect(shop.told('error').filter(([replica]) => replica.includes('work'))).toEqual([[expect.stringMatching(/work#0$/), error, 'onRunning', true]]);
  }, WITH_CHILDREN);
});

it('share threads where they are given a count', async () => {
  const shop = make();
  const run = await shop.start({ work: { replicas: 4, placement: { kind: 'thread', count: 2 } } });
  expect((await run.completed).outcome).toBe('done');
  expect([...shop.numbers].sort((a, b) => a - b)).toEqual(range(100));
  const threadOf = new Map(shop.results.map(({ replica, thread }) => [replica, thread]));
  expect(threadOf.get(0)).toBe(threadOf.get(2));
  expect(threadOf.get(1)).toBe(threadOf.get(3));
  expect(threadOf.get(0)).not.toBe(threadOf.get(1));
}, WITH_CHILDREN);
