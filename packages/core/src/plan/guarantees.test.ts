/** What a pipeline promises, held against what its backends can do. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import type { Capabilities, ChannelBackend } from '../channel/spi.js';
import { formatProblem } from '../error/index.js';
import { input, operator, Operator, operatorRegistry, output, plugin, type ParametersOf } from '../operator/index.js';
import { Pipeline, type AddOptions } from '../pipeline/index.js';
import { Plugin } from '../plugin/index.js';
import { InputPort, OutputPort } from '../port/index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator(import.meta)
class Source extends Operator {
  @output(Order) declare readonly orders: OutputPort<Order>;
  override onRunning(): boolean {
    return true;
  }
}
@operator(import.meta)
class Relay extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Order) declare readonly bills: OutputPort<Order>;
  override onRunning(): void {}
}
@operator()
class Homeless extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  override onRunning(): void {}
}

function backend(scheme: string, capabilities: Partial<Capabilities>): ChannelBackend {
  return {
    schemes: [scheme],
    parse(location) {
      const [, home = location, channel] = /^([^/?]+)(?:\/([^?]+))?$/.exec(location) ?? [];
      return { location: home, channel };
    },
    capabilities: () => ({ reach: 'network', durable: true, transactions: true, replay: true, compaction: true, objects: false, bounded: false, ...capabilities }),
    check: () => [],
    connect: () => Promise.reject(new Error('a plan connects to nothing')),
  };
}
const backends = [
  backend('disk', { reach: 'host' }),
  backend('thread', { reach: 'thread', bounded: true, durable: false }),
  backend('process', { reach: 'process' }),
  backend('queue', { transactions: false }),
];

function problemsOf(pipeline: Pipeline, location = 'disk:'): readonly string[] {
  return pipeline.plan({ location, backends }).problems.map(formatProblem);
}

/** source → relay, the relay with these options. */
function relay(options: AddOptions<Relay>, change?: (pipeline: Pipeline, ports: { readonly relay: ReturnType<typeof addRelay> }) => void): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  const relay = addRelay(pipeline, options);
  relay.orders.connect(source.orders);
  change?.(pipeline, { relay });
  return pipeline;
}
function addRelay(pipeline: Pipeline, options: AddOptions<Relay>) {
  return pipeline.add(Relay, {}, { name: 'relay', ...options });
}

describe('placements', () => {
  it('need channels that reach so far', () => {
    expect(problemsOf(relay({ placement: 'thread' }), 'thread:')).toMatchInlineSnapshot(`
      [
        "p.relay: it is placed in a thread, and thread: reaches no further than its own thread; place it inline, or use a backend that reaches other threads, such as local: or kafka: [MILLRACE_PLACEMENT_IMPOSSIBLE]",
      ]
    `);
    expect(problemsOf(relay({ placement: 'process' }), 'process:')).toMatchInlineSnapshot(`
      [
        "p.relay: it is placed in a process, and process: reaches no further than its own process; place it inline, or use a backend that reaches other processes, such as local: or kafka: [MILLRACE_PLACEMENT_IMPOSSIBLE]",
      ]
    `);
    expect(problemsOf(relay({ placement: 'thread' }), 'process:')).toEqual([]);
    expect(problemsOf(relay({ placement: 'process' }), 'disk:')).toEqual([]);
    expect(problemsOf(relay({ placement: 'inline' }), 'thread:')).toEqual([]);
  });

  it('need that of every channel', () => {
    expect(problemsOf(relay({ placement: 'process' }, (_, ports) => ports.relay.bills.to('thread:/bills')))).toMatchInlineSnapshot(`
      [
        "p.relay: it is placed in a process, and thread: reaches no further than its own thread; place it inline, or use a backend that reaches other processes, such as local: or kafka: [MILLRACE_PLACEMENT_IMPOSSIBLE]",
      ]
    `);
  });

  it('need a class that can be found', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Homeless, {}, { name: 'homeless', placement: 'thread' }).orders.connect(source.orders);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.homeless: it is placed in a thread, which cannot find the class Homeless; write @operator(import.meta) above the class [MILLRACE_PLACEMENT_IMPOSSIBLE]",
      ]
    `);
  });

  it('need the class that is found', () => {
    const pipeline = relay({ placement: 'thread' });
    const key = `${import.meta.url}#Relay`;
    operatorRegistry.set(key, class extends Relay {});
    try {
      expect(problemsOf(pipeline).map((line) => line.replace(import.meta.url, 'relay.ts'))).toMatchInlineSnapshot(`
        [
          "p.relay: it is placed in a thread, which would run another class: relay.ts has since declared a second one called Relay; use the later class, or give the operators different names [MILLRACE_PLACEMENT_IMPOSSIBLE]",
        ]
      `);
      expect(problemsOf(relay({ placement: 'inline' }))).toEqual([]);
    } finally {
      operatorRegistry.set(key, Relay);
    }
  });

  it('need parameters that can be handed over', () => {
    @operator(import.meta)
    class Calling extends Operator {
      static override readonly parameters = z.object({ call: z.custom<() => void>() });
      declare readonly parameters: ParametersOf<typeof Calling>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Calling, { call: () => undefined }, { name: 'calling', placement: 'process' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.calling: it is placed in a process, and its parameters cannot be handed over: () => undefined could not be cloned; give plain values, and services by injection [MILLRACE_PLACEMENT_IMPOSSIBLE]",
      ]
    `);
  });
});

describe('exactly-once', () => {
  it('needs transactions', () => {
    expect(problemsOf(relay({ delivery: 'exactly-once' }), 'queue:')).toMatchInlineSnapshot(`
      [
        "p.relay: exactly-once needs transactions, which queue: does not have; ask for 'at-least-once', or use a location with transactions [MILLRACE_DELIVERY_IMPOSSIBLE]",
      ]
    `);
    expect(problemsOf(relay({ delivery: 'exactly-once' }))).toEqual([]);
  });

  it('needs every channel where positions and state are', () => {
    const pipeline = relay({ delivery: 'exactly-once', ports: { orders: { onError: 'deadLetter' } } }, (_, ports) => {
      ports.relay.bills.to('queue:b/bills');
      ports.relay.orders.deadLetters.to('disk:other/lost');
    });
    pipeline.add(Relay, {}, { name: 'outside', delivery: 'exactly-once' }).orders.from('disk:other/orders?group=g');
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.relay: exactly-once cannot hold: it writes lost at disk:other, while positions and state are committed at disk:; ask for 'at-least-once', or run the pipeline at the location of all its channels; two spellings count as two locations [MILLRACE_DELIVERY_IMPOSSIBLE]",
        "p.relay: exactly-once cannot hold: it writes bills at queue:b, while positions and state are committed at disk:; ask for 'at-least-once', or run the pipeline at the location of all its channels; two spellings count as two locations [MILLRACE_DELIVERY_IMPOSSIBLE]",
        "p.outside: exactly-once cannot hold: it reads orders at disk:other, while positions and state are committed at disk:; ask for 'at-least-once', or run the pipeline at the location of all its channels; two spellings count as two locations [MILLRACE_DELIVERY_IMPOSSIBLE]",
      ]
    `);
  });
});

describe('sequential inputs', () => {
  it('need channels that hold everything', () => {
    expect(problemsOf(relay({ ports: { orders: { sequential: true } } }), 'thread:')).toMatchInlineSnapshot(`
      [
        "p.relay.orders.sequential: it begins after its writers are done, and they could not finish: p.relay.orders is bounded, and full before that; leave sequential out, or use a location whose channels are not bounded, such as local: or kafka: [MILLRACE_CAPABILITY_MISSING]",
      ]
    `);
    expect(problemsOf(relay({ ports: { orders: { sequential: true } } }))).toEqual([]);
  });

  it('do not wait for themselves', () => {
    const pipeline = new Pipeline('p');
    const a = pipeline.add(Relay, {}, { name: 'a' });
    const b = pipeline.add(Relay, {}, { name: 'b', ports: { orders: { sequential: true } } });
    const self = pipeline.add(Relay, {}, { name: 'self', ports: { orders: { sequential: true } } });
    a.orders.connect(b.bills);
    b.orders.connect(a.bills);
    self.orders.connect(self.bills);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.b.orders.sequential: it would wait for itself: it begins after its writers are done, and they read what it sends (b → a); leave sequential out in a circle [MILLRACE_OPTION_INVALID]",
        "p.self.orders.sequential: it would wait for itself: it begins after its writers are done, and they read what it sends (self → self); leave sequential out in a circle [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });
});

describe('circles', () => {
  it('over bounded channels are warned of, once each', () => {
    const pipeline = new Pipeline('p');
    const [a, b, c, alone] = ['a', 'b', 'c', 'alone'].map((name) => pipeline.add(Relay, {}, { name }));
    const source = pipeline.add(Source, {}, { name: 'source' });
    a!.orders.connect(source.orders, c!.bills);
    b!.orders.connect(a!.bills);
    c!.orders.connect(b!.bills);
    alone!.orders.connect(alone!.bills);
    expect(problemsOf(pipeline, 'thread:')).toMatchInlineSnapshot(`
      [
        "p: a → b → c → a is a circle over bounded channels (p.a.orders, p.b.orders, p.c.orders): once they are full, everybody in it waits for room; let a turn send no more than it takes, with commitInterval: 0, since what is read counts until it is committed; or use a location whose channels are not bounded [MILLRACE_CYCLE_BOUNDED]",
        "p: alone → alone is a circle over bounded channels (p.alone.orders): once they are full, everybody in it waits for room; let a turn send no more than it takes, with commitInterval: 0, since what is read counts until it is committed; or use a location whose channels are not bounded [MILLRACE_CYCLE_BOUNDED]",
      ]
    `);
    expect(problemsOf(pipeline)).toEqual([]);
  });

  it('that share an operator are told one by one', () => {
    const pipeline = new Pipeline('p');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => pipeline.add(Relay, {}, { name }));
    a!.orders.connect(b!.bills, c!.bills);
    b!.orders.connect(a!.bills);
    c!.orders.connect(a!.bills);
    expect(pipeline.plan({ location: 'thread:', backends }).problems.map(({ what }) => what.split(' is ')[0])).toEqual(['a → b → a', 'c → a → c']);
  });
});

describe('dependsOn', () => {
  class Pool extends Plugin {}

  it('names members of the operator, and goes round in no circle', () => {
    @operator()
    class Tangled extends Operator {
      @plugin(Pool, { dependsOn: ['poool', 'nothing'] }) declare readonly pool: Pool;
      @plugin(Pool, { dependsOn: ['b'] }) declare readonly a: Pool;
      @plugin(Pool, { dependsOn: ['c', 'pool'] }) declare readonly b: Pool;
      @plugin(Pool, { dependsOn: ['a'] }) declare readonly c: Pool;
      @plugin(Pool, { dependsOn: ['self'] }) declare readonly self: Pool;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Tangled, {}, { name: 'tangled' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.tangled.pool: dependsOn names poool, which is no port or plugin of the operator; did you mean pool? [MILLRACE_DEPENDENCY_INVALID]",
        "p.tangled.pool: dependsOn names nothing, which is no port or plugin of the operator; the ports and plugins are pool, a, b, c, self [MILLRACE_DEPENDENCY_INVALID]",
        "p.tangled: dependsOn goes round in a circle: a → b → c → a; remove one of them from the circle [MILLRACE_DEPENDENCY_INVALID]",
        "p.tangled: dependsOn goes round in a circle: self → self; remove one of them from the circle [MILLRACE_DEPENDENCY_INVALID]",
      ]
    `);
    expect(pipeline.plan({ location: 'disk:', backends }).operators[0]?.levels).toEqual([['pool'], ['a', 'b', 'c'], ['self']]);
  });
});
