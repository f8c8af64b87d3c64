/** What an operator class must not say, and what its members are. Checked by the type check of the repository. */
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { Plugin } from '../plugin/index.js';
import { InputPort, OutputPort, type Entry } from '../port/index.js';
import { input, operator, Operator, output, plugin, state, type ParametersOf, type PartitionState } from './index.js';

const Order = avro(z.object({ id: z.string(), total: z.number() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const Wide = avro(z.object({ id: z.string(), total: z.number(), note: z.string() }).meta({ id: 'Wide' }));
type Wide = RecordOf<typeof Wide>;
const Other = avro(z.object({ value: z.int() }).meta({ id: 'Other' }));
type Other = RecordOf<typeof Other>;

expectTypeOf<Order>().toEqualTypeOf<{ id: string; total: number }>();

// --- ports -----------------------------------------------------------------------------------------------------------

@operator()
export class Ports extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly bills: OutputPort<Order>;
  @input(Order, { dependsOn: ['bills'] }) readonly assigned!: InputPort<Order>;

  // @ts-expect-error another record
  @input(Order) declare readonly otherIn: InputPort<Other>;
  // @ts-expect-error another record
  @output(Order) declare readonly otherOut: OutputPort<Other>;
  // @ts-expect-error the port promises members that the schema does not have
  @input(Order) declare readonly widerIn: InputPort<Wide>;
  // @ts-expect-error the port hides members that the schema has
  @input(Wide) declare readonly narrowerIn: InputPort<Order>;
  // @ts-expect-error what is sent lacks members that the schema has
  @output(Wide) declare readonly narrowerOut: OutputPort<Order>;
  // @ts-expect-error what is sent has members that the schema lacks
  @output(Order) declare readonly widerOut: OutputPort<Wide>;
  // @ts-expect-error an input is declared as an output
  @input(Order) declare readonly inAsOut: OutputPort<Order>;
  // @ts-expect-error an output is declared as an input
  @output(Order) declare readonly outAsIn: InputPort<Order>;
  // @ts-expect-error a schema is not a codec
  @input(z.object({ id: z.string() })) declare readonly uncoded: InputPort<{ id: string }>;
  // @ts-expect-error a field that is no port
  @input(Order) declare readonly order: Order;
  // @ts-expect-error dependsOn names fields
  @input(Order, { dependsOn: [1] }) declare readonly wrongDependsOn: InputPort<Order>;
  // @ts-expect-error an unknown option
  @input(Order, { dependson: [] }) declare readonly unknownOption: InputPort<Order>;

  override onRunning(): void {
    expectTypeOf(this.orders.retrieve()).toEqualTypeOf<readonly Order[]>();
    expectTypeOf(this.orders.retrieveEntries()).toEqualTypeOf<readonly Entry<Order>[]>();
    expectTypeOf(this.orders.retrieveEntries({ tombstones: true })).toEqualTypeOf<readonly Entry<Order | null>[]>();
    // @ts-expect-error what was retrieved is shared, and not to be changed
    this.orders.retrieve().push({ id: '', total: 0 });
    // @ts-expect-error a member is missing
    void this.bills.send([{ id: '' }]);
    // @ts-expect-error a batch, not a record
    void this.bills.send({ id: '', total: 0 });
    // @ts-expect-error keys are text, bytes or null
    void this.bills.send([], { key: (order) => order.total });
    void this.bills.send([{ id: '', total: 0 }], { key: ({ id }) => id, timestamp: () => 0, headers: () => ({ trace: 'x' }), partition: 0 });
  }
}

// --- parameters ------------------------------------------------------------------------------------------------------

@operator()
export class WithParameters extends Operator {
  static override readonly parameters = z.object({ limit: z.int(), label: z.string().default('x'), note: z.string().optional() });
  declare readonly parameters: ParametersOf<typeof WithParameters>;
  override onRunning(): void {
    expectTypeOf(this.parameters).toEqualTypeOf<Readonly<{ limit: number; label: string; note?: string | undefined }>>();
    // @ts-expect-error parameters are read-only
    this.parameters.limit = 1;
    // @ts-expect-error there is no such parameter
    void this.parameters.limits;
  }
}

@operator()
export class Refined extends Operator {
  static override readonly parameters = z.object({ from: z.int(), to: z.int() }).refine(({ from, to }) => from < to);
  declare readonly parameters: ParametersOf<typeof Refined>;
  override onRunning(): void {}
}

@operator()
export class Subclass extends WithParameters {
  static override readonly parameters = WithParameters.parameters.extend({ volume: z.number() });
  declare readonly parameters: ParametersOf<typeof Subclass>;
}
expectTypeOf<Subclass['parameters']['volume']>().toEqualTypeOf<number>();
expectTypeOf<Subclass['parameters']['limit']>().toEqualTypeOf<number>();

@operator()
export class PlainSubclass extends WithParameters {}
expectTypeOf<PlainSubclass['parameters']['limit']>().toEqualTypeOf<number>();

// @ts-expect-error `declare readonly parameters` is forgotten
@operator()
export class Forgot extends Operator {
  static override readonly parameters = z.object({ limit: z.int() });
  override onRunning(): void {}
}

// @ts-expect-error `declare readonly parameters` is forgotten in a subclass that adds a parameter
@operator()
export class ForgotInSubclass extends WithParameters {
  static override readonly parameters = WithParameters.parameters.extend({ volume: z.number() });
}

// @ts-expect-error the declared parameters are those of another class
@operator()
export class Borrowed extends Operator {
  static override readonly parameters = z.object({ limit: z.string() });
  declare readonly parameters: ParametersOf<typeof WithParameters>;
  override onRunning(): void {}
}

// @ts-expect-error parameters are a zod object
export class NoObject extends Operator {
  static override readonly parameters = z.string();
  override onRunning(): void {}
}

// --- the class -------------------------------------------------------------------------------------------------------

// @ts-expect-error not an operator
@operator()
export class NoOperator {}

// @ts-expect-error `import.meta`, not an address
@operator('./operator.js')
export class Addressed extends Operator {
  override onRunning(): void {}
}

@operator()
export class StepResults extends Operator {
  override async onRunning(): Promise<boolean> {
    this.wake();
    return true;
  }
}

// @ts-expect-error onRunning is missing
export class NoStep extends Operator {}

export class WrongStep extends Operator {
  // @ts-expect-error a step says true, false or nothing
  override onRunning(): string {
    return '';
  }
}

export class WrongHook extends Operator {
  // @ts-expect-error there is no such hook
  override onStart(): void {}
  override onRunning(): void {}
}

// --- state -----------------------------------------------------------------------------------------------------------

@operator()
export class States extends Operator {
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  @state(z.object({ sum: z.number().default(0) }), { per: 'replica' }) declare total: { sum: number };
  @state(z.int().default(0), { per: 'partition' }) declare readonly counts: PartitionState<number>;

  // @ts-expect-error another type than the schema's
  @state(z.object({ sent: z.int().default(0) })) declare wrong: { sent: string };
  // @ts-expect-error the field has a member that the schema lacks
  @state(z.object({ sent: z.int().default(0) })) declare wider: { sent: number; more: string };
  // @ts-expect-error per partition it is a PartitionState
  @state(z.int().default(0), { per: 'partition' }) declare readonly notPerPartition: number;
  // @ts-expect-error per replica it is the value itself
  @state(z.int().default(0)) declare readonly notPerReplica: PartitionState<number>;
  // @ts-expect-error another type per partition
  @state(z.int().default(0), { per: 'partition' }) declare readonly wrongPerPartition: PartitionState<string>;
  // @ts-expect-error there is no such kind of state
  @state(z.int().default(0), { per: 'operator' }) declare perOperator: number;

  override onRunning(): void {
    expectTypeOf(this.counts.get(0)).toEqualTypeOf<number>();
    this.progress = { sent: 1 };
    this.progress.sent += 1;
    // @ts-expect-error a PartitionState is changed by its set
    this.counts = { partitions: [], get: () => 0, set() {} };
  }
}

// --- plugins ---------------------------------------------------------------------------------------------------------

class Health extends Plugin {
  static override readonly parameters = z.object({ port: z.int(), path: z.string().default('/check') });
  declare readonly parameters: ParametersOf<typeof Health>;
}
class Pool extends Plugin {
  size = 1;
}
class Undeclared extends Plugin {
  static override readonly parameters = z.object({ port: z.int().default(0) });
}

@operator()
export class Plugins extends Operator {
  static override readonly parameters = z.object({ healthPort: z.int(), label: z.string() });
  declare readonly parameters: ParametersOf<typeof Plugins>;

  @plugin(Pool) declare readonly pool: Pool;
  @plugin(Health, { parameters: { port: 80 }, dependsOn: ['pool'] }) declare readonly health: Health;
  @plugin(Health, { parameters: ({ healthPort }: ParametersOf<typeof Plugins>) => ({ port: healthPort }) }) declare readonly made: Health;

  // @ts-expect-error another class
  @plugin(Pool) declare readonly notPool: Health;
  // @ts-expect-error a parameter is wrong
  @plugin(Health, { parameters: { port: '80' } }) declare readonly wrongParameter: Health;
  // @ts-expect-error a parameter is unknown
  @plugin(Health, { parameters: { port: 80, host: '' } }) declare readonly unknownParameter: Health;
  // @ts-expect-error a parameter is missing
  @plugin(Health, { parameters: {} }) declare readonly missingParameter: Health;
  // @ts-expect-error parameters are missing altogether
  @plugin(Health) declare readonly missingParameters: Health;
  // @ts-expect-error the function makes a wrong parameter
  @plugin(Health, { parameters: ({ label }: ParametersOf<typeof Plugins>) => ({ port: label }) }) declare readonly wronglyMade: Health;
  // @ts-expect-error the function asks for a parameter that the operator does not have
  @plugin(Health, { parameters: ({ nowhere }: { readonly nowhere: number }) => ({ port: nowhere }) }) declare readonly fromNowhere: Health;
  // @ts-expect-error the plugin class forgot `declare readonly parameters`
  @plugin(Undeclared) declare readonly undeclared: Undeclared;
  // @ts-expect-error not a plugin
  @plugin(Date) declare readonly date: Date;

  override onRunning(): void {
    expectTypeOf(this.health.parameters).toEqualTypeOf<Readonly<{ port: number; path: string }>>();
  }
}
