import { input, InputPort, operator, Operator, output, OutputPort } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Bill, Billing, closer, Counting, Looping, Order, order } from './fixtures.js';
import { OperatorHarness } from './index.js';

const closing = closer(afterEach);

describe('hooks', () => {
  it('come in their order', async () => {
    const harness = closing(await OperatorHarness.create(Billing, { tick: 100 }));
    expect(harness.operator.calls).toEqual(['onInit']);
    harness.input('orders').push([order('a')]);
    await harness.step();
    await harness.tick();
    await harness.run();
    harness.input('orders').end();
    await harness.run();
    expect(harness.operator.calls).toEqual(['onInit', 'onRunning', 'onTick', 'onCommit', 'onRunning', 'onShutdown done', 'onCommit']);
  });

  it('onTick comes when it is told to, also without the option, held or at rest', async () => {
    const harness = closing(await OperatorHarness.create(Billing));
    await harness.tick();
    harness.input('orders').push([order('a')]);
    await harness.tick();
    expect(harness.operator.calls).toEqual(['onInit', 'onTick', 'onTick']);
  });

  it('onTick comes every tick of the clock, and a tick asked for is one more', async () => {
    const harness = closing(await OperatorHarness.create(Billing, { tick: 100 }));
    const ticks = (): number => harness.operator.calls.filter((call) => call === 'onTick').length;
    await harness.advance(99);
    expect(ticks()).toBe(0);
    await harness.advance(1);
    expect(ticks()).toBe(1);
    await harness.tick();
    expect(ticks()).toBe(2);
    await harness.advance(100);
    expect(ticks()).toBe(3);
    await harness.advance(1_000);
    expect(ticks()).toBe(13);
  });

  it('a tick that is due comes before the next step, as a step', async () => {
    const harness = closing(await OperatorHarness.create(Billing, { tick: 100 }));
    harness.input('orders').push([order('a')]);
    await harness.clock.advance(100);
    expect(await harness.step()).toBe(true);
    expect(harness.operator.calls).toEqual(['onInit', 'onTick']);
    expect(await harness.step()).toBe(true);
    expect(harness.operator.calls).toEqual(['onInit', 'onTick', 'onRunning']);
  });

  it('ticks come between the turns of loops', async () => {
    let ticks = 0;
    @operator()
    class Ticking extends Looping {
      override onTick() {
        ticks++;
      }
    }
    const harness = closing(await OperatorHarness.create(Ticking, { tick: 100 }));
    harness.input('orders').push([order('a')]);
    await harness.run();
    await harness.advance(250);
    expect(ticks).toBe(2);
    await harness.tick();
    expect(ticks).toBe(3);
    harness.input('orders').push([order('b')]);
    await harness.run();
    expect(harness.state).toEqual({ book: { sum: 2 } });
  });

  it('none is called in a killed instance', async () => {
    const harness = closing(await OperatorHarness.create(Billing, { tick: 100 }));
    harness.input('orders').push([order('a')]);
    await harness.run();
    const { operator: killed } = harness;
    const before = [...killed.calls];
    await harness.crash();
    await harness.advance(1_000);
    harness.input('orders').push([order('b')]);
    await harness.run();
    expect(killed.calls).toEqual(before);
    expect(harness.operator.calls).toContain('onTick');
  });
});

describe('a source', () => {
  it('is called again and again until it is done', async () => {
    const harness = closing(await OperatorHarness.create(Counting, { parameters: { count: 3 } }));
    expect(await harness.run()).toBe(3);
    expect(harness.output('bills').take().map(({ sum }) => sum)).toEqual([0, 1, 2]);
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('pauses on the clock when it has nothing to send, twice as long from time to time', async () => {
    @operator()
    class Silent extends Counting {
      override async onRunning() {
        this.calls++;
        return false;
      }
    }
    const harness = closing(await OperatorHarness.create(Silent, { parameters: { count: 3 }, idle: 40 }));
    await harness.run();
    const calls: number[] = [harness.operator.calls];
    for (const ms of [9, 1, 19, 1, 39, 1, 39, 1]) {
      await harness.advance(ms);
      calls.push(harness.operator.calls);
    }
    expect(calls).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5]);
  });

  it('comes to rest after each pause', async () => {
    const harness = closing(await OperatorHarness.create(Counting, { parameters: { count: 4, perStep: 2, pauses: true } }));
    expect(await harness.run()).toBe(2);
    expect(harness.commits).toMatchObject([{ state: { progress: { next: 2 } } }]);
    await harness.advance(10);
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('that never comes to rest is found out', async () => {
    const harness = closing(await OperatorHarness.create(Counting, { parameters: { count: 1_000 } }));
    await expect(harness.run({ steps: 20 })).rejects.toMatchObject({ code: 'MILLRACE_TIMEOUT', message: expect.stringContaining('20 steps') });
    expect(harness.operator.calls).toBe(20);
    expect(await harness.step()).toBe(true);
    expect(harness.operator.calls).toBe(21);
  });

  it('goes on from what was committed after a crash', async () => {
    const harness = closing(await OperatorHarness.create(Counting, { parameters: { count: 4 }, delivery: 'exactly-once' }));
    await harness.step();
    await harness.commit();
    await harness.step();
    await harness.crash();
    await harness.run();
    expect(harness.output('bills').take().map(({ sum }) => sum)).toEqual([0, 1, 2, 3]);
  });

  it('drains at once', async () => {
    const harness = closing(await OperatorHarness.create(Counting, { parameters: { count: 4 } }));
    await harness.step();
    expect(await harness.drain()).toMatchObject({ reason: 'drained' });
    expect(harness.state).toEqual({ progress: { next: 1 } });
  });

  it('asks for a step by wake()', async () => {
    @operator()
    class Listening extends Operator {
      @output(Bill) declare readonly bills: OutputPort<Bill>;
      readonly #heard: Bill[] = [];
      hear(bill: Bill): void {
        this.#heard.push(bill);
        this.wake();
      }
      override async onRunning() {
        await this.bills.send(this.#heard.splice(0));
      }
    }
    const harness = closing(await OperatorHarness.create(Listening));
    await harness.run();
    harness.operator.hear({ id: 'heard', sum: 1 });
    expect(await harness.run()).toBeGreaterThan(0);
    expect(harness.output('bills').take()).toEqual([{ id: 'heard', sum: 1 }]);
  });
});

describe('several inputs', () => {
  @operator()
  class Pairing extends Operator {
    @input(Order) declare readonly left: InputPort<Order>;
    @input(Order) declare readonly right: InputPort<Order>;
    @output(Bill) declare readonly bills: OutputPort<Bill>;
    readonly waiting: Order[] = [];
    override async onRunning() {
      this.waiting.push(...this.left.retrieve());
      if (!this.right.ended) return;
      await this.bills.send(this.waiting.splice(0).map(({ id, total }) => ({ id, sum: total })));
    }
  }

  it('get another step when one of them has ended', async () => {
    const harness = closing(await OperatorHarness.create(Pairing));
    harness.input('left').push([order('a')]);
    await harness.run();
    expect(harness.output('bills').take()).toEqual([]);
    harness.input('right').end();
    expect(await harness.step()).toBe(true);
    expect(harness.output('bills').take()).toEqual([{ id: 'a', sum: 1 }]);
  });

  it('have loops that take their turns together', async () => {
    @operator()
    class Merging extends Pairing {
      override async onRunning() {
        const merge = async (port: InputPort<Order>): Promise<void> => {
          for await (const batch of port) await this.bills.send(batch.map(({ id, total }) => ({ id, sum: total })));
        };
        await Promise.all([merge(this.left), merge(this.right)]);
      }
    }
    const harness = closing(await OperatorHarness.create(Merging));
    harness.input('left').push([order('l1')]);
    harness.input('right').push([order('r1')]);
    expect(await harness.run()).toBe(1);
    expect(harness.output('bills').take().map(({ id }) => id).sort()).toEqual(['l1', 'r1']);
    harness.input('left').end();
    await harness.run();
    harness.input('right').push([order('r2')]);
    expect(await harness.step()).toBe(true);
    expect(harness.output('bills').take()).toEqual([{ id: 'r2', sum: 1 }]);
    harness.input('right').end();
    await harness.run();
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });
});
