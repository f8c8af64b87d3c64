/** What a test of an operator must not say. Checked by the type check of the repository. */
import { avro, input, InputPort, operator, Operator, output, OutputPort, Plugin, plugin, state, type DeadLetter, type ParametersOf, type PartitionState, type RecordOf } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { SettableClock } from '../clock/index.js';
import { OperatorHarness, type InputName, type OutputName, type StateOf } from './index.js';

const Order = avro(z.object({ id: z.string(), total: z.number() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const Bill = avro(z.object({ sum: z.int() }).meta({ id: 'Bill' }));
type Bill = RecordOf<typeof Bill>;

class Probe extends Plugin {}

@operator()
export class Billing extends Operator {
  static override readonly parameters = z.object({ rate: z.number(), label: z.string().default('x') });
  declare readonly parameters: ParametersOf<typeof Billing>;
  @input(Order) declare readonly orders: InputPort<Order>;
  @input(Bill) declare readonly corrections: InputPort<Bill>;
  @output(Bill) declare readonly bills: OutputPort<Bill>;
  @state(z.object({ sum: z.number().default(0) })) declare book: { sum: number };
  @state(z.object({ seen: z.int().default(0) }), { per: 'partition' }) declare counts: PartitionState<{ seen: number }>;
  @plugin(Probe) declare readonly probe: Probe;
  override onRunning(): void {}
  helper(): void {}
}

@operator()
export class Plain extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  override onRunning(): void {}
}

expectTypeOf<InputName<Billing>>().toEqualTypeOf<'orders' | 'corrections'>();
expectTypeOf<OutputName<Billing>>().toEqualTypeOf<'bills'>();
expectTypeOf<StateOf<Billing>>().toEqualTypeOf<{ readonly book: { sum: number }; readonly counts: Readonly<Record<number, { seen: number }>> }>();

export async function create(): Promise<void> {
  void OperatorHarness.create(Plain);
  void OperatorHarness.create(Plain, { parameters: {}, commitInterval: 10 });
  void OperatorHarness.create(Billing, {
    parameters: { rate: 1 },
    replicas: 3,
    replica: 1,
    partitions: { orders: 6, corrections: 6, bills: 2 },
    delivery: 'exactly-once',
    tick: 100,
    ports: { orders: { onError: 'deadLetter', retries: 2 }, bills: { partitioner: 'round-robin' } },
    services: [new ContainerModule(() => undefined)],
    state: { book: { sum: 1 }, counts: { 4: { seen: 2 } } },
    clock: new SettableClock(),
  });
  // @ts-expect-error a parameter without a default is missing
  void OperatorHarness.create(Billing, {});
  // @ts-expect-error parameters without defaults are missing
  void OperatorHarness.create(Billing);
  // @ts-expect-error a parameter of another type
  void OperatorHarness.create(Billing, { parameters: { rate: '1' } });
  // @ts-expect-error an unknown parameter
  void OperatorHarness.create(Billing, { parameters: { rate: 1, rates: 1 } });
  // @ts-expect-error an unknown option
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, ticks: 100 });
  // @ts-expect-error it runs here, wherever it is placed
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, placement: 'thread' });
  // @ts-expect-error an option of an input given to an output
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, ports: { bills: { retries: 1 } } });
  // @ts-expect-error partitions of a port that there is not
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, partitions: { order: 1 } });
  // @ts-expect-error a state of another type
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, state: { book: { sum: '1' } } });
  // @ts-expect-error a port is no state
  void OperatorHarness.create(Billing, { parameters: { rate: 1 }, state: { orders: [] } });
  // @ts-expect-error no operator
  void OperatorHarness.create(Probe);
}

export async function use(): Promise<void> {
  const harness = await OperatorHarness.create(Billing, { parameters: { rate: 1 } });
  expectTypeOf(harness).toEqualTypeOf<OperatorHarness<Billing>>();
  expectTypeOf(harness.operator).toEqualTypeOf<Billing>();
  expectTypeOf(harness.state.book.sum).toEqualTypeOf<number>();
  expectTypeOf(harness.output('bills').take()).toEqualTypeOf<Bill[]>();
  expectTypeOf(harness.output('bills').takeEntries()[0]!.value).toEqualTypeOf<Bill>();
  expectTypeOf(harness.deadLetters('orders').take()).toEqualTypeOf<DeadLetter[]>();
  expectTypeOf(harness.commits[0]!.outputs.bills).toEqualTypeOf<readonly Bill[] | undefined>();
  expectTypeOf(harness.commits[0]!.positions.orders).toEqualTypeOf<Readonly<Record<number, number>> | undefined>();
  expectTypeOf(harness.commits[0]!.state.counts?.[1]).toEqualTypeOf<{ seen: number } | undefined>();
  harness.input('orders').push([{ id: 'a', total: 1 }], { key: ({ id }) => id, headers: { trace: '1' }, timestamp: 5, partition: 0 });
  harness.input('corrections').push([{ sum: 1 }], { key: 'k', headers: () => [['trace', '1']] });
  harness.input('orders').pushTombstone('a', { partition: 1 });
  // @ts-expect-error a misspelt port
  harness.input('order');
  // @ts-expect-error an output is no input
  harness.input('bills');
  // @ts-expect-error an input is no output
  harness.output('orders');
  // @ts-expect-error a state is no port
  harness.output('book');
  // @ts-expect-error an output has no dead letters
  harness.deadLetters('bills');
  // @ts-expect-error a record of another port
  harness.input('orders').push([{ sum: 1 }]);
  // @ts-expect-error a member is missing
  harness.input('orders').push([{ id: 'a' }]);
  // @ts-expect-error a batch, not a record
  harness.input('orders').push({ id: 'a', total: 1 });
  // @ts-expect-error keys are text, bytes or null
  harness.input('orders').push([], { key: ({ total }) => total });
  // @ts-expect-error an unknown option
  harness.input('orders').push([], { partitions: 1 });
}
