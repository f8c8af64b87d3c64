import { expect, it } from 'vitest';
import type { Run } from '../index.js';
import { range, until, WITH_CHILDREN, workshops, type Workshop } from './fixtures.js';

const make = workshops();
const PARTITIONS = 6;
const FOREVER = 1e9;

/** How many of the results that came after so many were made by each replica. */
function makers({ results }: Workshop, after: number): ReadonlySet<number> {
  return new Set(results.slice(after).map(({ replica }) => replica));
}

/** Rescales the work, and waits until each of its replicas has done some of it. */
async function rescale(shop: Workshop, run: Run, replicas: number): Promise<void> {
  await run.rescale('work', replicas);
  const { length } = shop.results;
  await until(`results of ${replicas} replicas`, () => range(replicas).every((replica) => makers(shop, length).has(replica)));
}

/** Nothing is lost, nothing comes twice, order holds within each partition, and the count in its state went along. */
function check({ results, numbers }: Workshop): void {
  expect([...numbers].sort((a, b) => a - b)).toEqual(range(numbers.length));
  for (const partition of range(PARTITIONS)) {
    const of = results.filter((result) => result.partition === partition);
    expect(of.map(({ seen }) => seen)).toEqual(of.map((_, i) => i + 1));
    expect(of.map(({ n }) => n)).toEqual(of.map(({ n }) => n).sort((a, b) => a - b));
  }
}

it.each(['process', 'thread'] as const)('replicas in a %s are rescaled up and down while records flow', async (kind) => {
  const shop = make();
  const run = await shop.start({ count: FOREVER, work: { placement: kind, replicas: 2, delivery: 'exactly-once', ports: { numbers: { partitions: PARTITIONS } } } });
  await until('some results', () => shop.results.length > 50);
  const children = (): readonly string[] => run.children.map(({ name }) => name.slice(name.indexOf('#'))).sort();
  for (const replicas of [4, 1, 3]) {
    await rescale(shop, run, replicas);
    expect(children()).toEqual(range(replicas).map((index) => `#${index}`));
  }
  expect((await run.stop()).outcome).toBe('drained');
  check(shop);
  expect(shop.told('error')).toEqual([]);
}, 2 * WITH_CHILDREN);

it('threads that are shared take replicas in and let them go', async () => {
  const shop = make();
  const run = await shop.start({ count: FOREVER, work: { placement: { kind: 'thread', count: 2 }, replicas: 1, delivery: 'exactly-once', ports: { numbers: { partitions: PARTITIONS } } } });
  await until('some results', () => shop.results.length > 50);
  for (const [replicas, threads] of [[5, 2], [2, 2], [1, 1]] as const) {
    await rescale(shop, run, replicas);
    expect(run.children.map((child) => child.replicas.length)).toEqual(threads === 1 ? [1] : [Math.ceil(replicas / 2), Math.floor(replicas / 2)]);
  }
  expect((await run.stop()).outcome).toBe('drained');
  check(shop);
}, 2 * WITH_CHILDREN);

it('a process that is killed while it is rescaled loses nothing', async () => {
  const shop = make();
  const run = await shop.start({ count: FOREVER, work: { placement: 'process', replicas: 2, delivery: 'exactly-once', restart: { backoff: 1, longest: 1, times: 20 }, ports: { numbers: { partitions: PARTITIONS } } } });
  await until('some results', () => shop.results.length > 50);
  for (const replicas of [3, 2]) {
    const victim = run.children[0]!.pid;
    process.kill(victim, 'SIGKILL');
    await rescale(shop, run, replicas);
    // And one that comes while its place is taken over has been seen to go.
    const rescaled = run.rescale('work', replicas + 1);
    process.kill(run.children.at(-1)!.pid, 'SIGKILL');
    await rescaled;
    const { length } = shop.results;
    await until(`results of ${replicas + 1} replicas`, () => makers(shop, length).size === replicas + 1);
  }
  expect((await run.stop()).outcome).toBe('drained');
  check(shop);
  expect(shop.told('error').every(([, , , fatal]) => !fatal)).toBe(true);
}, 2 * WITH_CHILDREN);
