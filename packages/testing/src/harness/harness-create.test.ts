import { input, InputPort, MillraceError, operator, Operator, output, OutputPort, PlanError, Plugin, plugin, state, type ParametersOf, type PartitionState, type ServicePlugin } from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { SettableClock } from '../clock/index.js';
import { Bill, Billing, closer, Counting, Order, order } from './fixtures.js';
import { OperatorHarness } from './index.js';

const closing = closer(afterEach);

describe('a replica of several', () => {
  @operator()
  class Counter extends Operator {
    @input(Order) declare readonly orders: InputPort<Order>;
    @state(z.object({ seen: z.array(z.string()).default([]) }), { per: 'partition' }) declare counts: PartitionState<{ seen: string[] }>;
    override onRunning() {
      for (const { value, partition } of this.orders.retrieveEntries()) this.counts.get(partition).seen.push(value.id);
    }
  }

  it('reads its own partitions, with their state', async () => {
    const harness = closing(await OperatorHarness.create(Counter, { replicas: 3, replica: 1, partitions: { orders: 6 }, state: { counts: { 4: { seen: ['before'] } } } }));
    expect([harness.operator.context.name, harness.operator.orders.partitions]).toEqual(['harness.Counter#1', [1, 4]]);
    harness.input('orders').push([order('mine')], { partition: 1 });
    harness.input('orders').push([order('other')], { partition: 2 });
    harness.input('orders').push([order('first')]);
    harness.input('orders').push([order('second')]);
    await harness.run();
    expect(harness.state).toEqual({ counts: { 1: { seen: ['mine', 'first'] }, 4: { seen: ['before', 'second'] } } });
    expect(harness.commits).toEqual([{ positions: { orders: { 1: 2, 4: 1 } }, state: harness.state, outputs: {}, done: false }]);
  });

  it('ends although the others are not there', async () => {
    const harness = closing(await OperatorHarness.create(Counter, { replicas: 3 }));
    harness.input('orders').end();
    await harness.run();
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('must be one of them', async () => {
    await expect(OperatorHarness.create(Counter, { replicas: 2, replica: 2 })).rejects.toMatchObject({ code: 'MILLRACE_OPTION_INVALID' });
  });
});

describe('services', () => {
  class Rates {
    rate = 2;
  }
  @operator()
  class Converting extends Operator {
    @input(Order) declare readonly orders: InputPort<Order>;
    @output(Bill) declare readonly bills: OutputPort<Bill>;
    constructor(@inject(Rates) private readonly rates: Rates) {
      super();
    }
    override async onRunning() {
      await this.bills.send(this.orders.retrieve().map(({ id, total }) => ({ id, sum: total * this.rates.rate })));
    }
  }

  it('come from modules, and classes by themselves', async () => {
    const double = new ContainerModule(({ bind }) => void bind(Rates).toConstantValue({ rate: 10 }));
    for (const [services, sum] of [[undefined, 2], [double, 10], [[double], 10]] as const) {
      const harness = closing(await OperatorHarness.create(Converting, services === undefined ? {} : { services }));
      harness.input('orders').push([order('a')]);
      await harness.run();
      expect(harness.output('bills').take()).toEqual([{ id: 'a', sum }]);
    }
  });

  it('that are missing are told at the start', async () => {
    const token = Symbol('rates');
    @operator()
    class Needing extends Converting {
      constructor(@inject(token) rates: Rates) {
        super(rates);
      }
    }
    await expect(OperatorHarness.create(Needing)).rejects.toMatchObject({ code: 'MILLRACE_INJECTION_FAILED', message: expect.stringContaining('Symbol(rates)') });
  });
});

describe('plugins', () => {
  it('have their parameters and services, live through the stages, and again after a crash', async () => {
    const log: string[] = [];
    class Log {
      note(line: string): void {
        log.push(line);
      }
    }
    class Server extends Plugin implements ServicePlugin {
      static override readonly parameters = z.object({ port: z.int() });
      declare readonly parameters: ParametersOf<typeof Server>;
      constructor(@inject(Log) private readonly log: Log) {
        super();
      }
      onServiceStart(): void {
        this.log.note(`start ${this.parameters.port}`);
      }
      onServiceShutdown(): void {
        this.log.note('shutdown');
      }
    }
    @operator()
    class Serving extends Operator {
      @input(Order) declare readonly orders: InputPort<Order>;
      @plugin(Server, { parameters: { port: 80 } }) declare readonly server: Server;
      override onRunning() {
        this.orders.retrieve();
      }
    }
    const harness = closing(await OperatorHarness.create(Serving));
    expect(harness.operator.server).toBeInstanceOf(Server);
    expect(log).toEqual(['start 80']);
    await harness.crash();
    expect(log).toEqual(['start 80', 'start 80']);
    await harness.stop();
    expect(log).toEqual(['start 80', 'start 80', 'shutdown']);
  });
});

describe('create', () => {
  it('tells all that is wrong with parameters and options at once', async () => {
    const failure = await OperatorHarness.create(Counting, { parameters: { count: 'x' as never, other: 1 } as never, commitInterval: -1 }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(PlanError);
    expect((failure as PlanError).problems.map(({ where }) => where)).toEqual(expect.arrayContaining([expect.stringContaining('commitInterval'), expect.stringContaining('count'), expect.stringContaining('other')]));
  });

  it('refuses a class that is no operator, a state that is none, and a value that breaks its schema', async () => {
    class Plain extends Billing {}
    await expect(OperatorHarness.create(Plain)).rejects.toMatchObject({ code: 'MILLRACE_NOT_AN_OPERATOR' });
    await expect(OperatorHarness.create(Billing, { state: { calls: [] } })).rejects.toMatchObject({ code: 'MILLRACE_STATE_INVALID', message: expect.stringContaining('its states are book') });
    await expect(OperatorHarness.create(Billing, { state: { book: { sum: 'x' as never } } })).rejects.toMatchObject({ code: 'MILLRACE_STATE_INVALID' });
  });

  it('fails with what onInit throws', async () => {
    @operator()
    class Broken extends Billing {
      override onInit() {
        throw new Error('no database');
      }
    }
    await expect(OperatorHarness.create(Broken)).rejects.toMatchObject({ code: 'MILLRACE_HOOK_FAILED', cause: expect.objectContaining({ message: 'no database' }) });
  });

  it('takes a clock, which stamps what is sent', async () => {
    const clock = new SettableClock({ wall: 5_000 });
    const harness = closing(await OperatorHarness.create(Billing, { clock }));
    harness.input('orders').push([order('a')]);
    await clock.advance(250);
    await harness.run();
    expect(harness.output('bills').takeEntries()).toMatchObject([{ timestamp: 5_250 }]);
  });
});

describe('the end of a harness', () => {
  it('is asked for twice without harm, and stops what runs', async () => {
    const harness = await OperatorHarness.create(Billing);
    const { operator: instance } = harness;
    await Promise.all([harness.close(), harness.close()]);
    await harness.close();
    expect(instance.calls).toContain('onShutdown stopped');
  });

  it('does not wait for a hook that does not return', async () => {
    let entered: () => void;
    const inStep = new Promise<void>((resolve) => (entered = resolve));
    @operator()
    class Stuck extends Billing {
      override async onRunning() {
        entered();
        await new Promise(() => undefined);
      }
    }
    const harness = await OperatorHarness.create(Stuck);
    harness.input('orders').push([order('a')]);
    const step = harness.step();
    step.catch(() => undefined);
    await inStep;
    await harness.close();
    await expect(step).rejects.toMatchObject({ code: 'MILLRACE_STOPPED' });
  });

  it('leaves calls that are too late with an error', async () => {
    const harness = closing(await OperatorHarness.create(Billing));
    await expect(harness.restart()).rejects.toMatchObject({ code: 'MILLRACE_OPTION_INVALID' });
    await harness.stop();
    await expect(harness.tick()).rejects.toMatchObject({ code: 'MILLRACE_STOPPED' });
    await expect(harness.commit()).resolves.toBeUndefined();
    await harness.advance(70);
    expect(harness.clock.now()).toBe(70);
    for (const ms of [-1, NaN, Infinity]) await expect(harness.advance(ms)).rejects.toThrow(RangeError);
    expect(() => harness.input('order' as never)).toThrow(MillraceError);
    expect(() => harness.deadLetters('orders')).toThrow(expect.objectContaining({ code: 'MILLRACE_PORT_UNKNOWN' }));
  });
});
