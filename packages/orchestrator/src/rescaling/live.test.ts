import { Pipeline } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gate, Place, range, Tap } from '../fixtures.js';
import type { Run } from '../index.js';
import { byPartition, flow, Fountain, Keeper, keepers, PARTITIONS } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
  Object.assign(flow, { to: 0, last: Infinity });
});
afterEach(() => place.clear());

/** Lets sources send so many more, and says when the end of the pipeline has some of them. */
async function pour(count: number): Promise<void> {
  const before = place.probe.received.length;
  flow.to += count;
  await place.probe.until(() => place.probe.received.length > before);
}

/** Lets the source come to its end. */
async function finish(run: Run): Promise<void> {
  flow.to = flow.last = flow.to + 30;
  expect((await run.completed).outcome).toBe('done');
}

describe.each(['exactly-once', 'at-least-once'] as const)('while records flow, %s', (delivery) => {
  it('goes up and down with nothing lost or doubled, order kept, and state along with its partition', async () => {
    const run = await place.start(keepers(2), { defaults: { delivery, commitInterval: 5 } });
    const stages = new Set<string>();
    run.on('stage', (replica) => stages.add(replica));
    for (const replicas of [3, 1, 6, 6, 4, 2, 5]) {
      await pour(200);
      await run.rescale('keeper', replicas);
      expect([...run.stages.keys()].filter((name) => name.startsWith('p.keeper'))).toEqual(range(replicas).map((index) => `p.keeper#${index}`));
      expect(run.plan.operators.find(({ name }) => name === 'keeper')!.replicas).toBe(replicas);
    }
    const { replicas } = await run.metrics();
    expect(replicas.filter(({ operator: name }) => name === 'keeper').map(({ replica }) => replica)).toEqual(range(5).map((index) => `p.keeper#${index}`));
    await finish(run);
    expect(byPartition(place.probe.received)).toEqual(byPartition(range(flow.last)));
    expect(place.probe.received).toHaveLength(flow.last);
    expect(place.probe.kept).toEqual(byPartition(range(flow.last)));
    // The end came once, and only when all was read.
    expect(place.probe.calls.filter((call) => call.startsWith('tap') && call.includes('onShutdown'))).toEqual(['tap#0.onShutdown(done)']);
    expect(stages).toContain('p.keeper#5');
    // Of all the replicas that there were nothing is left.
    for (const replica of range(6)) expect(await place.state(`p.keeper#${replica}`)).toEqual(new Map());
    expect(await place.facts()).toEqual(['generation']);
  });

  it('ends the stream only when the new replicas have read the rest', async () => {
    for (const [before, after] of [[1, 6], [6, 1], [3, 2]] as const) {
      const run = await place.start(keepers(before), { defaults: { delivery, commitInterval: 5 } });
      place.probe.received.length = 0;
      Object.assign(flow, { to: 0, last: Infinity });
      await pour(50);
      flow.to = flow.last = 500;
      await run.rescale('keeper', after);
      expect((await run.completed).outcome).toBe('done');
      expect(byPartition(place.probe.received)).toEqual(byPartition(range(500)));
    }
  });
});

it('counts on where replicas stay, and tells those that end why', async () => {
  const run = await place.start(keepers(2), { defaults: { commitInterval: 0 } });
  await pour(60);
  await run.rescale('keeper', 3);
  await pour(60);
  await run.rescale('keeper', 1);
  await finish(run);
  const keeper = (await run.metrics()).replicas.find(({ replica }) => replica === 'p.keeper#0')!;
  expect(keeper.ports.find(({ port }) => port === 'numbers')!.records).toBeGreaterThanOrEqual(flow.last / 3);
  expect(place.probe.calls.filter((call) => call.startsWith('keeper'))).toEqual([
    ...[0, 1].map((index) => `keeper#${index}.onInterrupt(rescale)`), ...[0, 1].map(() => expect.stringMatching(/^keeper#[01].onShutdown\(stopped\)$/)),
    ...[0, 1, 2].map((index) => `keeper#${index}.onInterrupt(rescale)`), ...[0, 1, 2].map(() => expect.stringMatching(/^keeper#[012].onShutdown\(stopped\)$/)),
    'keeper#0.onShutdown(done)',
  ]);
});

it('readers wait for the replicas that came, also where those that the plan knew have closed', async () => {
  const held = gate();
  place.probe.at('keeper#5.onRunning', () => held.opened);
  const run = await place.start(keepers(1), { defaults: { commitInterval: 0 } });
  await pour(60);
  await run.rescale('keeper', 6);
  flow.to = flow.last = 300;
  const closed = new Set<string>();
  run.on('stage', (replica, stage) => {
    if (stage === 'Closed') closed.add(replica);
    place.probe.noted();
  });
  await place.probe.until(() => [1, 2, 3, 4].every((index) => closed.has(`p.keeper#${index}`)) && place.probe.calls.includes('keeper#0.onShutdown(done)'));
  expect(place.probe.calls).not.toContain('tap#0.onShutdown(done)');
  held.open();
  expect((await run.completed).outcome).toBe('done');
  expect(byPartition(place.probe.received)).toEqual(byPartition(range(300)));
});

it('writers go by the replicas that there are, also one that is started again', async () => {
  const run = await place.start(keepers(2), { defaults: { commitInterval: 0, restart: { backoff: 1 } } });
  await pour(60);
  await run.rescale('keeper', 3);
  flow.fails = true;
  await new Promise<void>((resolve) => run.once('restart', () => resolve()));
  // One of them takes its next records and is done. What it would read goes nowhere from then on, and nothing else does.
  place.probe.at('keeper#1.onRunning', (...values) => (values.length > 0 ? true : undefined));
  await pour(60);
  await place.probe.until(() => place.probe.calls.includes('keeper#1.onShutdown(done)') && run.stages.get('p.keeper#1') === 'Closed');
  const from = flow.to;
  await pour(60);
  // The next one reads on from there, with what is sent again.
  place.probe.at('keeper#1.onRunning', () => undefined);
  await place.probe.until(() => place.probe.received.includes(flow.to - 1));
  await run.rescale('keeper', 2);
  const next = flow.to;
  await finish(run);
  const later = (numbers: readonly number[]): readonly number[] => numbers.filter((n) => (n >= from && n % 3 !== 1) || n >= next);
  expect(byPartition(later(place.probe.received))).toEqual(byPartition(later(range(flow.last))));
});

it('the ends of the pipeline can be rescaled, one after the other', async () => {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Fountain, {}, { name: 'source' });
  const first = pipeline.add(Keeper, {}, { name: 'keeper', ports: { numbers: { partitions: PARTITIONS } } });
  const tap = pipeline.add(Tap, {}, { name: 'tap', ports: { numbers: { partitions: 4 } } });
  first.numbers.connect(source.numbers);
  tap.numbers.connect(first.passed);
  const run = await place.start(pipeline, { defaults: { commitInterval: 0 } });
  for (const replicas of [2, 4, 1]) {
    await pour(60);
    await run.rescale('tap', replicas);
    await run.rescale('keeper', replicas + 1);
  }
  await finish(run);
  expect([...place.probe.received].sort((a, b) => a - b)).toEqual(range(flow.last));
});

it('a drain or a stop that comes in between holds for the new replicas too', async () => {
  for (const mode of ['drain', 'now'] as const) {
    place.probe.received.length = 0;
    Object.assign(flow, { to: 0, last: Infinity });
    const run = await place.start(keepers(2), { defaults: { commitInterval: 0 }, fresh: true });
    await pour(60);
    const held = gate();
    place.probe.at('keeper#0.onRunning', () => held.opened);
    flow.to += 300;
    await place.probe.until(() => place.probe.received.length > 30);
    const rescaled = run.rescale('keeper', 3).then(() => 'rescaled', (error: unknown) => (error as { code: string }).code);
    const stopped = run.stop({ mode });
    place.probe.at('keeper#0.onRunning', () => undefined);
    held.open();
    expect((await stopped).outcome).toBe(mode === 'drain' ? 'drained' : 'stopped');
    expect(await rescaled).toBe(mode === 'drain' ? 'rescaled' : 'MILLRACE_RESCALE_REFUSED');
    // Nothing is lost either way: the next start goes on.
    const next = await place.start(keepers(2), { defaults: { commitInterval: 0 } });
    await finish(next);
    expect(byPartition(place.probe.received)).toEqual(byPartition(range(flow.last)));
  }
});
