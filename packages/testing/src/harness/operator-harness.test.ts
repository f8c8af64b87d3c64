import { afterEach, describe, expect, it } from 'vitest';
import { Billing, closer, Looping, order } from './fixtures.js';
import { OperatorHarness } from './index.js';

const closing = closer(afterEach);

describe.each([['onRunning', Billing], ['for await', Looping as unknown as typeof Billing]] as const)('an operator with %s', (_, type) => {
  it('does nothing before it is let', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a')]);
    harness.input('orders').end();
    await harness.clock.advance(10_000);
    expect(harness.counters).toMatchObject({ steps: 0, commits: 0 });
    expect(harness.output('bills').take()).toEqual([]);
    expect([harness.stage, harness.outcome]).toEqual(['OperationRunning', undefined]);
  });

  it('makes one step at a time, without a commit', async () => {
    const harness = closing(await OperatorHarness.create(type));
    expect(await harness.step()).toBe(false);
    harness.input('orders').push([order('a'), order('b')]);
    expect(await harness.step()).toBe(true);
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 1 }, { id: 'b', sum: 2 }]);
    expect(harness.output('bills').take()).toEqual([]);
    expect([harness.commits, harness.positions, harness.state]).toEqual([[], {}, { book: { sum: 0 } }]);
    expect(await harness.step()).toBe(false);
    harness.input('orders').push([order('c')]);
    expect(await harness.step()).toBe(true);
    expect(harness.output('bills').take()).toEqual([{ id: 'c', sum: 3 }]);
    expect(harness.commits).toEqual([]);
  });

  it('commits when it is told to, and only what there is', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a', 5)]);
    await harness.step();
    await harness.commit();
    const first = { positions: { orders: { 0: 1 } }, state: { book: { sum: 5 } }, outputs: { bills: [{ id: 'a', sum: 5 }] }, done: false };
    expect(harness.commits).toEqual([first]);
    await harness.commit();
    await harness.run();
    expect(harness.commits).toEqual([first]);
    expect([harness.positions, harness.state]).toEqual([{ orders: { 0: 1 } }, { book: { sum: 5 } }]);
    harness.input('orders').push([order('b', 0)]);
    await harness.run();
    expect(harness.commits.slice(1)).toEqual([{ positions: { orders: { 0: 2 } }, state: {}, outputs: { bills: [{ id: 'b', sum: 5 }] }, done: false }]);
  });

  it('runs until it is at rest, committed, and to its end', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a')]);
    expect(await harness.run()).toBe(1);
    expect(await harness.run()).toBe(0);
    expect(harness.commits).toHaveLength(1);
    harness.input('orders').push([order('b')]);
    harness.input('orders').end();
    await harness.run();
    expect(harness.outcome).toMatchObject({ stage: 'Closed', reason: 'done', exitCode: 0 });
    expect(harness.state).toEqual({ book: { sum: 2 } });
    expect(harness.commits.at(-1)).toMatchObject({ done: true });
    expect(await harness.step()).toBe(false);
    expect(() => harness.input('orders').push([order('c')])).toThrow(expect.objectContaining({ code: 'MILLRACE_PORT_CLOSED' }));
  });

  it('holds before its end, so that a crash may come in between', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a')]);
    harness.input('orders').end();
    while (await harness.step());
    expect([harness.outcome, harness.commits]).toEqual([undefined, []]);
    await harness.crash();
    await harness.run();
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 1 }, { id: 'a', sum: 1 }]);
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('begins with the state that it is given', async () => {
    const harness = closing(await OperatorHarness.create(type, { state: { book: { sum: 40 } } }));
    expect([harness.state, harness.commits]).toEqual([{ book: { sum: 40 } }, []]);
    harness.input('orders').push([order('a', 2)]);
    await harness.run();
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 42 }]);
  });

  it('shows with exactly-once what is committed, at the commit', async () => {
    const harness = closing(await OperatorHarness.create(type, { delivery: 'exactly-once' }));
    harness.input('orders').push([order('a')]);
    await harness.step();
    expect(harness.output('bills').take()).toEqual([]);
    await harness.crash();
    await harness.step();
    await harness.commit();
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 1 }]);
    expect(harness.commits).toMatchObject([{ outputs: { bills: [{ id: 'a', sum: 1 }] } }]);
  });

  it('commits after a step once the interval has passed on the clock', async () => {
    const harness = closing(await OperatorHarness.create(type, { commitInterval: 50 }));
    const steps = async (after: number): Promise<number> => {
      harness.input('orders').push([order('x')]);
      await harness.clock.advance(after);
      await harness.step();
      return harness.commits.length;
    };
    expect(await steps(0)).toBe(0);
    expect(await steps(49)).toBe(0);
    await steps(1);
    expect(await harness.step()).toBe(false);
    expect(harness.commits).toHaveLength(1);
  });

  it('drains, and goes on from there', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a')]);
    expect(await harness.drain()).toMatchObject({ reason: 'drained', exitCode: 130 });
    expect([harness.state, harness.positions]).toEqual([{ book: { sum: 1 } }, { orders: { 0: 1 } }]);
    expect(harness.commits.at(-1)).toMatchObject({ done: false });
  });

  it('stops after the step in hand, and goes on where it was', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').push([order('a')]);
    await harness.step();
    harness.input('orders').push([order('b')]);
    expect(await harness.stop()).toMatchObject({ reason: 'stopped', exitCode: 130 });
    expect(harness.positions).toEqual({ orders: { 0: 1 } });
    await harness.restart();
    await harness.run();
    expect(harness.positions).toEqual({ orders: { 0: 2 } });
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 1 }, { id: 'b', sum: 2 }]);
  });

  it('only closes again where it was done', async () => {
    const harness = closing(await OperatorHarness.create(type));
    harness.input('orders').end();
    await harness.run();
    const { operator: first } = harness;
    await harness.restart();
    expect(harness.outcome).toMatchObject({ reason: 'done' });
    expect(harness.operator).not.toBe(first);
    expect(harness.counters.steps).toBe(0);
  });
});

it('calls that nobody waits for come one after the other', async () => {
  const harness = closing(await OperatorHarness.create(Billing));
  harness.input('orders').push([order('a')]);
  const calls = [harness.step(), harness.step(), harness.run(), harness.commit()];
  expect(await Promise.all(calls)).toEqual([true, false, 0, undefined]);
  expect(harness.commits).toHaveLength(1);
});
