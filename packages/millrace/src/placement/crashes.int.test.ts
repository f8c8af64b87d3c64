import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { range, until, WITH_CHILDREN, workshops } from './fixtures.js';

const make = workshops();
const soon = { backoff: 1, longest: 1 };

describe.each(['process', 'thread'] as const)('a %s that ends without a word', (kind) => {
  it.each(['exit once', 'uncaught once'])('is followed by another one, and nothing is lost or doubled: %s', async (scene) => {
    const shop = make();
    const run = await shop.start({ scene: { scene, at: 30, file: join(shop.folder, 'once') }, work: { placement: kind, delivery: 'exactly-once', restart: soon } });
    expect((await run.completed).outcome).toBe('done');
    expect(shop.numbers).toEqual(range(100));
    // State per partition came along: it counted on.
    expect(shop.results.map(({ seen }) => seen)).toEqual(range(100).map((n) => n + 1));
    const [[replica, error, attempt] = []] = shop.told('restart');
    expect(shop.told('restart')).toHaveLength(1);
    expect({ replica, error, attempt }).toMatchObject({ replica: expect.stringMatching(/work#0$/), attempt: 1, error: { code: 'MILLRACE_CHILD_CRASHED', message: expect.stringContaining(scene === 'exit once' ? 'code 3' : 'nobody caught it') } });
    expect(shop.told('error').every(([, , , fatal]) => !fatal)).toBe(true);
  }, WITH_CHILDREN);
});

it('a process that is killed is followed by another one', async () => {
  const shop = make();
  const run = await shop.start({ count: 20_000, work: { placement: 'process', delivery: 'exactly-once', restart: soon } });
  await until('some results', () => shop.results.length > 20);
  process.kill(run.children[0]!.pid, 'SIGKILL');
  expect((await run.completed).outcome).toBe('done');
  expect(shop.numbers).toEqual(range(20_000));
  expect(shop.told('restart').map(([, error]) => error.message)).toEqual([expect.stringContaining('was ended by SIGKILL')]);
}, WITH_CHILDREN);

it('what crashes too often fails with all that happened, and the next start goes on from there', async () => {
  const shop = make();
  const scene = { scene: 'poison', at: 30 };
  const run = await shop.start({ scene, work: { placement: 'process', delivery: 'exactly-once', restart: { ...soon, times: 1 } } });
  const error = await run.completed.then(() => undefined, (thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ code: 'MILLRACE_RESTARTS_EXHAUSTED', operator: expect.stringMatching(/work#0$/), message: expect.stringMatching(/failed again after 1 restart within 60000 ms.*\n.*was ended by SIGABRT[^]*was ended by SIGABRT/) });
  expect((error!.cause as AggregateError).errors).toHaveLength(2);
  expect(run.exitCode).toBe(115);
  await (await shop.start({})).completed;
  expect(shop.numbers).toEqual(range(100));
}, WITH_CHILDREN);

it('a replica in this thread is started again after an error, where restart says so', async () => {
  const shop = make();
  const run = await shop.start({ scene: { scene: 'throw once', at: 30, file: join(shop.folder, 'once') }, work: { delivery: 'exactly-once', restart: soon } });
  expect((await run.completed).outcome).toBe('done');
  expect(shop.numbers).toEqual(range(100));
  expect(shop.told('restart')).toEqual([[expect.stringMatching(/work#0$/), expect.objectContaining({ code: 'MILLRACE_STEP_FAILED' }), 1, expect.any(Number)]]);
});

it.each(['skip', 'deadLetter'] as const)('a record that its process does not survive goes the policy of its port: %s', async (onError) => {
  const shop = make();
  const run = await shop.start({
    scene: { scene: 'poison', at: 30 },
    work: { placement: 'process', delivery: 'exactly-once', restart: soon, ports: { numbers: { onError } } },
  });
  expect((await run.completed).outcome).toBe('done');
  expect(shop.numbers).toEqual(range(100).filter((n) => n !== 30));
  // The first crash says nothing of a record; then three with this one in hand.
  expect(shop.told('restart')).toHaveLength(4);
  const { ports } = (await run.metrics()).replicas.find(({ operator }) => operator === 'work')!;
  expect(ports.find(({ port }) => port === 'numbers')).toMatchObject(onError === 'skip' ? { skipped: 1, deadLettered: 0 } : { skipped: 0, deadLettered: 1 });
}, WITH_CHILDREN);

it('a process whose event loop is blocked is named, and killed where placement says so', async () => {
  const shop = make();
  const run = await shop.start({
    scene: { scene: 'hang once', at: 30, file: join(shop.folder, 'once') },
    work: { placement: { kind: 'process', killAfter: 8_000 }, delivery: 'exactly-once', restart: soon, stepTimeout: 4_000 },
  });
  expect((await run.completed).outcome).toBe('done');
  expect(shop.numbers).toEqual(range(100));
  expect(shop.told('stuck')).toEqual([[expect.stringMatching(/work#0$/), expect.objectContaining({ code: 'MILLRACE_STEP_STUCK' })]]);
  expect(shop.told('restart').map(([, error]) => error)).toEqual([expect.objectContaining({ code: 'MILLRACE_CHILD_HUNG' })]);
}, WITH_CHILDREN);

it.each(['process', 'thread'] as const)('a %s that needs more memory than it may says so when it ends', async (kind) => {
  const shop = make();
  const run = await shop.start({
    scene: { scene: 'memory once', at: 30, file: join(shop.folder, 'once') },
    work: { placement: { kind, memory: 128 }, delivery: 'exactly-once', restart: soon },
  });
  expect((await run.completed).outcome).toBe('done');
  expect(shop.numbers).toEqual(range(100));
  expect(shop.told('restart').map(([, error]) => error.message)).toEqual([expect.stringContaining('more heap than the 128 MiB that placement.memory gives')]);
}, WITH_CHILDREN);
