import { avro, input, InputPort, operator, Operator, output, OutputPort, state, type RecordOf } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { closer } from './fixtures.js';
import { OperatorHarness } from './index.js';

const Order = avro(z.object({ id: z.string(), tags: z.array(z.string()).default([]) }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const order = (id: string): Order => ({ id, tags: [] });

const closing = closer(afterEach);
afterEach(() => {
  Picky.failures = Infinity;
  Picky.onFailure = () => undefined;
});

abstract class OneToOne extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly done: OutputPort<Order>;
  override async onRunning(): Promise<void> {
    await this.done.send(this.orders.retrieve().map((each) => this.map(each)));
  }
  map(each: Order): Order {
    return each;
  }
}

/** Fails on records named `bad`, the first `failures` times. */
@operator()
class Picky extends OneToOne {
  static failures = Infinity;
  static onFailure: () => void = () => undefined;
  override map(each: Order): Order {
    if (each.id !== 'bad') return each;
    Picky.onFailure();
    if (--Picky.failures < 0) return each;
    throw new Error('bad order');
  }
}

describe('an operator that does what it must not is found out', () => {
  it('it changes what it reads', async () => {
    @operator()
    class Marking extends OneToOne {
      override map(each: Order): Order {
        each.tags.push('seen');
        return each;
      }
    }
    const harness = closing(await OperatorHarness.create(Marking));
    harness.input('orders').push([order('a')]);
    await expect(harness.run()).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', offset: 0, port: 'orders', cause: expect.any(TypeError) });
    expect(harness.outcome).toMatchObject({ stage: 'Failed', reason: 'failed' });
    expect(harness.positions).toEqual({});
  });

  it('it changes what it has sent', async () => {
    @operator()
    class Reusing extends OneToOne {
      readonly #out = order('');
      override map({ id }: Order): Order {
        this.#out.id = id;
        return this.#out;
      }
    }
    const harness = closing(await OperatorHarness.create(Reusing));
    harness.input('orders').push([order('a')]);
    await harness.run();
    harness.input('orders').push([order('b')]);
    await expect(harness.run()).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', cause: expect.any(TypeError) });
  });

  it('it uses an array again that it has sent', async () => {
    @operator()
    class Batching extends OneToOne {
      readonly #batch: Order[] = [];
      override async onRunning() {
        this.#batch.length = 0;
        this.#batch.push(...this.orders.retrieve());
        await this.done.send(this.#batch);
      }
    }
    const harness = closing(await OperatorHarness.create(Batching));
    harness.input('orders').push([order('a')]);
    await harness.run();
    harness.input('orders').push([order('b')]);
    await expect(harness.run()).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED' });
  });

  it('it sends outside a step under exactly-once', async () => {
    @operator()
    class Late extends OneToOne {
      later(): Promise<void> {
        return this.done.send([order('late')]);
      }
    }
    const harness = closing(await OperatorHarness.create(Late, { delivery: 'exactly-once' }));
    await expect(harness.operator.later()).rejects.toMatchObject({ code: 'MILLRACE_SEND_OUTSIDE_STEP' });
    const relaxed = closing(await OperatorHarness.create(Late));
    await relaxed.operator.later();
    await relaxed.run();
    expect(relaxed.output('done').take()).toEqual([order('late')]);
  });

  it('it does not listen to a send that fails', async () => {
    @operator()
    class Careless extends OneToOne {
      override async onRunning() {
        for (const { id } of this.orders.retrieve()) void this.done.send([{ id } as Order]);
      }
    }
    const harness = closing(await OperatorHarness.create(Careless));
    harness.input('orders').push([order('a')]);
    await expect(harness.run()).rejects.toMatchObject({ code: 'MILLRACE_VALUE_INVALID', port: 'done' });
  });

  it('it holds records without holding their positions back', async () => {
    class Pairs extends OneToOne {
      protected held: { readonly value: Order; readonly offset: number } | undefined;
      override async onRunning() {
        for (const { value, partition, offset } of this.orders.retrieveEntries()) {
          const first = this.held;
          if (first === undefined) this.held = { value, offset };
          else {
            this.held = undefined;
            await this.done.send([{ id: `${first.value.id}+${value.id}`, tags: [] }]);
          }
          this.hold(partition);
        }
      }
      hold(_partition: number): void {}
    }
    @operator()
    class Losing extends Pairs {}
    @operator()
    class Keeping extends Pairs {
      override hold(partition: number): void {
        this.orders.retainFrom(partition, this.held?.offset ?? Infinity);
      }
    }
    const pairs = async (type: typeof Losing): Promise<unknown> => {
      const harness = closing(await OperatorHarness.create(type));
      harness.input('orders').push(['a', 'b', 'c'].map(order));
      await harness.run();
      const { positions } = harness;
      await harness.crash();
      harness.input('orders').push([order('d')]);
      await harness.run();
      return { positions, sent: harness.output('done').take().map(({ id }) => id) };
    };
    expect(await pairs(Keeping)).toEqual({ positions: { orders: { 0: 2 } }, sent: ['a+b', 'c+d'] });
    expect(await pairs(Losing)).toEqual({ positions: { orders: { 0: 3 } }, sent: ['a+b'] });
  });

  it('it keeps in a field what belongs into its state', async () => {
    class Numbering extends OneToOne {
      count(): number {
        return 0;
      }
      override map(each: Order): Order {
        return { ...each, id: `${each.id}${this.count()}` };
      }
    }
    @operator()
    class Forgetful extends Numbering {
      #count = 0;
      override count(): number {
        return ++this.#count;
      }
    }
    @operator()
    class Mindful extends Numbering {
      @state(z.object({ count: z.int().default(0) })) declare progress: { count: number };
      override count(): number {
        return ++this.progress.count;
      }
    }
    const numbers = async (type: typeof Forgetful): Promise<readonly string[]> => {
      const harness = closing(await OperatorHarness.create(type, { delivery: 'exactly-once' }));
      harness.input('orders').push([order('a')]);
      await harness.run();
      await harness.crash();
      harness.input('orders').push([order('b')]);
      await harness.run();
      return harness.output('done').take().map(({ id }) => id);
    };
    expect(await numbers(Mindful as unknown as typeof Forgetful)).toEqual(['a1', 'b2']);
    expect(await numbers(Forgetful)).toEqual(['a1', 'b1']);
  });

  it('it writes into its state what has no place there', async () => {
    @operator()
    class Wrong extends OneToOne {
      @state(z.object({ last: z.string().default('') })) declare seen: { last: string };
      override map(each: Order): Order {
        this.seen.last = 1 as never;
        return each;
      }
    }
    const harness = closing(await OperatorHarness.create(Wrong));
    harness.input('orders').push([order('a')]);
    await expect(harness.run()).rejects.toMatchObject({ code: 'MILLRACE_STATE_INVALID' });
  });
});

describe('errors of steps', () => {
  it('fail as in production, and again at each call, until the replica is started anew', async () => {
    Picky.failures = 1;
    const harness = closing(await OperatorHarness.create(Picky));
    harness.input('orders').push([order('bad')]);
    const failed = { code: 'MILLRACE_STEP_FAILED', operator: 'harness.Picky#0', port: 'orders', partition: 0, offset: 0, cause: expect.objectContaining({ message: 'bad order' }) };
    await expect(harness.step()).rejects.toMatchObject(failed);
    await expect(harness.step()).rejects.toMatchObject(failed);
    await expect(harness.run()).rejects.toMatchObject(failed);
    expect(harness.errors).toMatchObject([{ source: 'onRunning', fatal: true, error: failed }]);
    await harness.restart();
    await harness.run();
    expect(harness.output('done').take()).toEqual([order('bad')]);
    expect(harness.positions).toEqual({ orders: { 0: 1 } });
  });

  it('are tried again after a back-off on the clock', async () => {
    const tries: number[] = [];
    const harness = closing(await OperatorHarness.create(Picky, { ports: { orders: { retries: 3, backoff: 100 } } }));
    Picky.failures = 2;
    Picky.onFailure = () => void tries.push(harness.clock.now());
    harness.input('orders').push([order('bad')]);
    await harness.run();
    expect([tries, harness.counters.retries]).toEqual([[0], 1]);
    await expect(harness.tick()).rejects.toMatchObject({ code: 'MILLRACE_STOPPED', message: expect.stringContaining('tries again') });
    await harness.advance(99);
    expect(tries).toEqual([0]);
    await harness.advance(1);
    expect(tries).toEqual([0, 100]);
    await harness.advance(200);
    expect(tries).toEqual([0, 100, 300]);
    expect(harness.output('done').take()).toEqual([order('bad')]);
    expect(harness.errors.map(({ fatal }) => fatal)).toEqual([false, false]);
  });

  it('skip their record, and nothing else', async () => {
    const harness = closing(await OperatorHarness.create(Picky, { delivery: 'exactly-once', ports: { orders: { onError: 'skip' } } }));
    harness.input('orders').push(['a', 'bad', 'b'].map(order));
    await harness.run();
    expect(harness.output('done').take().map(({ id }) => id)).toEqual(['a', 'b']);
    expect(harness.positions).toEqual({ orders: { 0: 3 } });
    expect(harness.portCounters('orders')).toMatchObject({ skipped: 1 });
  });

  it('send their record to the dead letters', async () => {
    const harness = closing(await OperatorHarness.create(Picky, { ports: { orders: { onError: 'deadLetter', retries: 1, backoff: 10 } } }));
    harness.input('orders').push([order('bad')], { key: 'k' });
    await harness.advance(10);
    expect(harness.deadLetters('orders').take()).toMatchObject([{ port: 'orders', partition: 0, offset: 0, attempts: 2, operator: 'harness.Picky#0', key: new TextEncoder().encode('k'), cause: { message: 'bad order' } }]);
    expect(harness.deadLetters('orders').take()).toEqual([]);
    expect(harness.positions).toEqual({ orders: { 0: 1 } });
  });

  it('a record that cannot be decoded goes the policy of its port', async () => {
    const garbage = Uint8Array.of(0xff, 0xff, 0xff);
    const failing = closing(await OperatorHarness.create(Picky));
    failing.input('orders').pushBytes(garbage);
    await expect(failing.run()).rejects.toMatchObject({ code: 'MILLRACE_UNDECODABLE', offset: 0 });
    const burying = closing(await OperatorHarness.create(Picky, { ports: { orders: { onError: 'deadLetter' } } }));
    burying.input('orders').push([order('a')]);
    burying.input('orders').pushBytes(garbage, { key: 'k', timestamp: 3 });
    burying.input('orders').push([order('b')]);
    await burying.run();
    expect(burying.output('done').take().map(({ id }) => id)).toEqual(['a', 'b']);
    expect(burying.deadLetters('orders').take()).toMatchObject([{ value: garbage, offset: 1, timestamp: 3, cause: { code: 'MILLRACE_UNDECODABLE' } }]);
  });

  it('of onTick and onCommit fail the call that brings them about', async () => {
    @operator()
    class Broken extends OneToOne {
      override onTick() {
        throw new Error('tick');
      }
      override onCommit() {
        throw new Error('commit');
      }
    }
    const ticking = closing(await OperatorHarness.create(Broken));
    await expect(ticking.tick()).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', cause: expect.objectContaining({ message: 'tick' }) });
    const committing = closing(await OperatorHarness.create(Broken));
    committing.input('orders').push([order('a')]);
    await committing.step();
    await expect(committing.commit()).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', cause: expect.objectContaining({ message: 'commit' }) });
  });
});

describe('a crash', () => {
  it('in the middle of a step undoes the step', async () => {
    let enter: () => void;
    let entered = new Promise<void>((resolve) => (enter = resolve));
    let leave: () => void = () => undefined;
    @operator()
    class Slow extends OneToOne {
      override async onRunning() {
        const batch = this.orders.retrieve();
        enter();
        await new Promise<void>((resolve) => (leave = resolve));
        await this.done.send(batch.map(({ id }) => ({ id, tags: [`by ${slow.indexOf(this)}`] })));
      }
    }
    const slow: Slow[] = [];
    const harness = closing(await OperatorHarness.create(Slow));
    slow.push(harness.operator);
    harness.input('orders').push([order('a')]);
    const step = harness.step();
    await entered;
    const leaveFirst = leave;
    entered = new Promise<void>((resolve) => (enter = resolve));
    const outcome = expect(step).rejects.toMatchObject({ code: 'MILLRACE_STOPPED' });
    await harness.crash();
    await outcome;
    slow.push(harness.operator);
    leaveFirst();
    const again = harness.run();
    await entered;
    leave();
    await again;
    expect(harness.output('done').take()).toEqual([{ id: 'a', tags: ['by 1'] }]);
    expect(harness.positions).toEqual({ orders: { 0: 1 } });
  });

  it('doubles with at-least-once what was sent and not committed, and not with exactly-once', async () => {
    for (const [delivery, ids] of [['at-least-once', ['a', 'a']], ['exactly-once', ['a']]] as const) {
      const harness = closing(await OperatorHarness.create(Picky, { delivery }));
      harness.input('orders').push([order('a')]);
      await harness.step();
      await harness.crash();
      await harness.run();
      expect(harness.output('done').take().map(({ id }) => id)).toEqual(ids);
      expect(harness.commits).toMatchObject([{ outputs: { done: [order('a')] } }]);
    }
  });

  it('may come while it waits to try again, and after its end', async () => {
    Picky.failures = 1;
    const harness = closing(await OperatorHarness.create(Picky, { ports: { orders: { retries: 1, backoff: 1_000 } } }));
    harness.input('orders').push([order('bad')]);
    await harness.run();
    await harness.crash();
    await harness.run();
    expect(harness.output('done').take()).toEqual([order('bad')]);
    await harness.stop();
    await harness.crash();
    expect(harness.stage).toBe('OperationRunning');
  });
});

describe('a drain', () => {
  it('waits for back-off on the clock', async () => {
    Picky.failures = 1;
    const harness = closing(await OperatorHarness.create(Picky, { ports: { orders: { retries: 1, backoff: 1_000 } } }));
    harness.input('orders').push([order('bad')]);
    expect(await harness.drain()).toMatchObject({ reason: 'drained' });
    expect(harness.clock.now()).toBe(1_000);
    expect(harness.output('done').take()).toEqual([order('bad')]);
  });

  it('ends at once after its time of grace', async () => {
    @operator()
    class Endless extends Operator {
      @input(Order) declare readonly orders: InputPort<Order>;
      override onRunning() {
        this.orders.retrieve();
        return false;
      }
    }
    const harness = closing(await OperatorHarness.create(Endless));
    expect(await harness.drain({ grace: 5_000 })).toMatchObject({ reason: 'stopped' });
    expect(harness.clock.now()).toBe(5_000);
  });
});
