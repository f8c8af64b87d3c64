import 'reflect-metadata';
import { Container, inject, injectable, type ServiceIdentifier } from 'inversify';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { Plugin } from '../plugin/index.js';
import { InputPort, OutputPort } from '../port/index.js';
import { input, operator, Operator, operatorMembersOf, operatorMetadataOf, operatorRegistry, output, plugin, state, WAKE, type ParametersOf, type PartitionState } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;
const Other = avro(z.object({ other: z.string() }).meta({ id: 'Other' }));
type Other = RecordOf<typeof Other>;

class Pool extends Plugin {
  static override readonly parameters = z.object({ size: z.int().default(1) });
  declare readonly parameters: ParametersOf<typeof Pool>;
}

@operator(import.meta, { description: 'Takes orders.' })
class Base extends Operator {
  static override readonly parameters = z.object({ size: z.int() });
  declare readonly parameters: ParametersOf<typeof Base>;
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order, { dependsOn: ['pool'] }) declare readonly bills: OutputPort<Order>;
  @state(z.object({ n: z.int().default(0) })) declare progress: { n: number };
  @state(z.int().default(0), { per: 'partition' }) declare readonly counts: PartitionState<number>;
  @plugin(Pool, { parameters: ({ size }: ParametersOf<typeof Base>) => ({ size: size * 2 }) }) declare readonly pool: Pool;
  override onRunning(): void {}
}

@operator(import.meta)
class More extends Base {
  @input(Other) declare readonly others: InputPort<Other>;
  @plugin(Pool, { dependsOn: ['orders'] }) declare readonly pool: Pool;
}

class Undecorated extends Base {}

const keys = (members: ReadonlyMap<string, unknown>): readonly string[] => [...members.keys()];

describe('decorators', () => {
  it('record what a class says of itself', () => {
    expect(operatorMetadataOf(Base)).toEqual({ name: 'Base', module: import.meta.url, description: 'Takes orders.' });
    const { ports, states, plugins } = operatorMembersOf(Base);
    expect([...ports.values()]).toEqual([
      { name: 'orders', direction: 'input', codec: Order, dependsOn: [] },
      { name: 'bills', direction: 'output', codec: Order, dependsOn: ['pool'] },
    ]);
    expect([...states.values()].map(({ name, per }) => [name, per])).toEqual([['progress', 'replica'], ['counts', 'partition']]);
    expect(plugins.get('pool')).toMatchObject({ name: 'pool', type: Pool, dependsOn: [] });
    expect(plugins.get('pool')?.parameters({ size: 3 })).toEqual({ size: 6 });
  });

  it('take plugin parameters as they are, or none', () => {
    @operator()
    class Plugged extends Operator {
      @plugin(Pool, { parameters: { size: 5 } }) declare readonly given: Pool;
      @plugin(Pool) declare readonly plain: Pool;
      override onRunning(): void {}
    }
    const { plugins } = operatorMembersOf(Plugged);
    expect([plugins.get('given')?.parameters({}), plugins.get('plain')?.parameters({})]).toEqual([{ size: 5 }, {}]);
  });

  it('leave instances alone: no field is made by a declaration', () => {
    expect(Object.keys(new Base())).toEqual([]);
  });
});

describe('a subclass', () => {
  it('has the members of its base first, and adds its own without changing it', () => {
    expect(keys(operatorMembersOf(More).ports)).toEqual(['orders', 'bills', 'others']);
    expect(keys(operatorMembersOf(Base).ports)).toEqual(['orders', 'bills']);
    expect(operatorMembersOf(More).plugins.get('pool')?.dependsOn).toEqual(['orders']);
    expect(operatorMembersOf(Base).plugins.get('pool')?.dependsOn).toEqual([]);
    expect(keys(operatorMembersOf(More).states)).toEqual(['progress', 'counts']);
  });

  it('is an operator only if it is decorated itself', () => {
    expect(operatorMetadataOf(More)).toMatchObject({ name: 'More', description: undefined });
    expect(operatorMetadataOf(Undecorated)).toBeUndefined();
    expect(keys(operatorMembersOf(Undecorated).ports)).toEqual(['orders', 'bills']);
  });

  it('may have a port of its own type under the name of its base’s', () => {
    @operator()
    class Narrowed extends (Base as unknown as typeof Operator) {
      @input(Other) declare readonly orders: InputPort<Other>;
      override onRunning(): void {}
    }
    expect(operatorMembersOf(Narrowed).ports.get('orders')?.codec).toBe(Other);
    expect(keys(operatorMembersOf(Narrowed).ports)).toEqual(['orders', 'bills']);
  });
});

describe('the registry', () => {
  it('finds classes by module and name, the latest of a name', () => {
    expect(operatorRegistry.get(`${import.meta.url}#Base`)).toBe(Base);
    const meta = { url: 'file:///somewhere.js' };
    @operator(meta, { name: 'Renamed' })
    class First extends Operator {
      override onRunning(): void {}
    }
    expect(operatorRegistry.get('file:///somewhere.js#Renamed')).toBe(First);
    @operator(meta, { name: 'Renamed' })
    class Second extends Operator {
      override onRunning(): void {}
    }
    expect(operatorRegistry.get('file:///somewhere.js#Renamed')).toBe(Second);
    operatorRegistry.delete('file:///somewhere.js#Renamed');
  });

  it('does not have classes without a module', () => {
    @operator()
    class Nowhere extends Operator {
      override onRunning(): void {}
    }
    expect([...operatorRegistry.values()]).not.toContain(Nowhere);
    expect(operatorMetadataOf(Nowhere)?.module).toBeUndefined();
  });

  it('is shared between copies of the package', () => {
    expect((globalThis as Record<symbol, unknown>)[Symbol.for('@millrace/operators')]).toBe(operatorRegistry);
  });
});

describe('an operator', () => {
  it('is made by a container, with the services of its bases unless it has a constructor of its own', () => {
    @injectable()
    class Printer {}
    @injectable()
    class Clock {}
    @operator()
    class Printing extends Operator {
      constructor(@inject(Printer) readonly printer: Printer) {
        super();
      }
      override onRunning(): void {}
    }
    abstract class Between extends Printing {
      @inject(Clock) declare readonly clock: Clock;
    }
    @operator()
    class Louder extends Between {}
    @operator()
    class Loudest extends Louder {
      static override readonly parameters = z.object({});
    }
    @operator()
    class Timed extends Louder {
      constructor(@inject(Clock) readonly own: Clock) {
        super(new Printer());
      }
    }
    class Pooled extends Pool {
      constructor(@inject(Clock) readonly clock: Clock) {
        super();
      }
    }
    class PooledToo extends Pooled {}
    @operator()
    class Plugged extends Operator {
      @plugin(PooledToo) declare readonly pool: PooledToo;
      override onRunning(): void {}
    }
    const container = new Container();
    container.bind(Printer).toSelf();
    container.bind(Clock).toSelf();
    const make = <T>(type: ServiceIdentifier<T>): T => container.get(type, { autobind: true });
    expect(make(Printing).printer).toBeInstanceOf(Printer);
    for (const type of [Louder, Loudest]) expect(make(type)).toMatchObject({ printer: expect.any(Printer), clock: expect.any(Clock) });
    expect(make(Timed)).toMatchObject({ own: expect.any(Clock), printer: expect.any(Printer), clock: expect.any(Clock) });
    expect(operatorMembersOf(Plugged).plugins.get('pool')?.type).toBe(PooledToo);
    expect(make(PooledToo)).toMatchObject({ clock: expect.any(Clock) });
  });

  it('has hooks that do nothing by themselves, and a wake that nobody need hear', () => {
    class Waking extends Operator {
      override onRunning(): void {
        this.wake();
      }
    }
    const quiet = new Waking();
    expect([quiet.onInit(), quiet.onTick(), quiet.onCommit(), quiet.onShutdown('done'), quiet.onError(new Error(), 'onInit'), quiet.onInterrupt('stop')]).toEqual(Array.from({ length: 6 }));
    expect(() => quiet.onRunning()).not.toThrow();
    let woken = 0;
    Object.assign(quiet, { [WAKE]: () => woken++ });
    quiet.onRunning();
    expect(woken).toBe(1);
  });
});
