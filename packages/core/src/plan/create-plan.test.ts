import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output, plugin, state, type ParametersOf } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { Plugin } from '../plugin/index.js';
import { DeadLetter, InputPort, OutputPort } from '../port/index.js';
import { assignedPartitions, createPlan, groupName, type Plan } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator(import.meta)
class Source extends Operator {
  static override readonly parameters = z.object({ count: z.int().positive(), size: z.int().default(500) });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Order) declare readonly orders: OutputPort<Order>;
  override onRunning(): boolean {
    return true;
  }
}
@operator(import.meta)
class Sink extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  override onRunning(): void {}
}
@operator()
class Letters extends Operator {
  @input(DeadLetter) declare readonly letters: InputPort<DeadLetter>;
  override onRunning(): void {}
}

const options = { location: 'memory:', backends: [memoryBackend] };
const find = (plan: Plan, name: string) => {
  const operator = plan.operators.find((candidate) => candidate.name === name);
  if (operator === undefined) throw new Error(`no operator ${name}`);
  return operator;
};

describe('operators', () => {
  it('have every option resolved, and parsed parameters', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 3 }, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink' }).orders.connect(source.orders);
    const plan = createPlan(pipeline.definition(), options);

    expect(plan.problems).toEqual([]);
    expect(find(plan, 'source')).toMatchObject({
      type: Source, module: import.meta.url, parameters: { count: 3, size: 500 },
      replicas: 1, placement: 'inline', tick: undefined, idle: 1_000, delivery: 'at-least-once', commitInterval: 100, maxStepBytes: undefined, stepTimeout: 30_000,
      children: { pool: 'every inline', count: undefined, memory: undefined, killAfter: 0 }, restart: { times: 5, within: 60_000, backoff: 200, longest: 30_000, afterErrors: false },
      outputs: [{ name: 'orders', codec: Order, partitioner: 'sticky', validate: 'structure', openTimeout: 0, backend: undefined }],
      levels: [['orders']],
    });
    expect(find(plan, 'sink').inputs[0]).toMatchObject({ broadcast: false, onError: 'fail', retries: 0, backoff: 100, onWriterDeath: 'wait', openTimeout: 0, syncOpen: false, sequential: false, deadLetters: [] });
  });

  it('have their fields in one order, whatever options are given, so that V8 reads all of them alike', () => {
    const pipeline = new Pipeline('p');
    const plain = pipeline.add(Source, { count: 3 }, { name: 'plain' });
    pipeline.add(Sink, {}, { name: 'plainSink' }).orders.connect(plain.orders);
    const special = pipeline.add(Source, { count: 3 }, { name: 'special', maxStepBytes: 9, tick: 5, restart: false, ports: { orders: { openTimeout: 1, partitioner: 'round-robin' } } });
    pipeline.add(Sink, {}, { name: 'specialSink', ports: { orders: { partitions: 2, sequential: false, broadcast: false, retries: 1 } } }).orders.connect(special.orders);
    pipeline.add(Sink, {}, { name: 'external' }).orders.from('memory:x/orders?group=g');
    const plan = createPlan(pipeline.definition(), { ...options, defaults: { stepTimeout: 1, tick: 10 } });

    expect(new Set(plan.operators.map((operator) => Object.keys(operator).join()))).toHaveLength(1);
    expect(new Set(plan.operators.flatMap(({ inputs }) => inputs.map((port) => Object.keys(port).join())))).toHaveLength(1);
    expect(new Set(plan.operators.flatMap(({ outputs }) => outputs.map((port) => Object.keys(port).join())))).toHaveLength(1);
  });

  it('are placed in threads and processes of their own, or in those that defaults give to all', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 3 }, { name: 'source', placement: { kind: 'process', memory: 256 }, restart: false });
    pipeline.add(Sink, {}, { name: 'sink', restart: { times: 1 } }).orders.connect(source.orders);
    pipeline.add(Sink, {}, { name: 'other' }).orders.connect(source.orders);
    const plan = pipeline.plan({ ...options, defaults: { placement: { kind: 'thread', count: 4, killAfter: 5_000 } } });

    expect(find(plan, 'source')).toMatchObject({ placement: 'process', children: { pool: 'source', count: undefined, memory: 256, killAfter: 0 }, restart: { times: 0 } });
    expect(find(plan, 'sink')).toMatchObject({ placement: 'thread', children: { pool: 'every thread', count: 4, killAfter: 5_000 }, restart: { times: 1, within: 60_000, afterErrors: true } });
    expect(find(plan, 'other').children).toEqual(find(plan, 'sink').children);
  });

  it('take defaults where add says nothing, each port those of its direction', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 3 }, { name: 'source', replicas: 1 });
    const sink = pipeline.add(Sink, {}, { name: 'sink', ports: { orders: { retries: 1 } } });
    sink.orders.connect(source.orders);
    const plan = pipeline.plan({ ...options, defaults: { replicas: 2, tick: 50, delivery: 'exactly-once', ports: { retries: 9, onError: 'skip', validate: 'full', openTimeout: 7, partitions: 4 } } });

    expect(plan.problems).toEqual([]);
    expect(find(plan, 'source')).toMatchObject({ replicas: 1, tick: 50, delivery: 'exactly-once', outputs: [{ validate: 'full', openTimeout: 7 }] });
    expect(find(plan, 'sink')).toMatchObject({ replicas: 2, inputs: [{ retries: 1, onError: 'skip', openTimeout: 7, channel: { partitions: 4 } }] });
    expect(find(plan, 'source').outputs[0]).not.toHaveProperty('retries');
    expect(find(plan, 'sink').inputs[0]).not.toHaveProperty('validate');
  });

  it('order ports and plugins by dependsOn', () => {
    class Pool extends Plugin {}
    @operator()
    class Ordered extends Operator {
      @input(Order, { dependsOn: ['warm', 'pool'] }) declare readonly orders: InputPort<Order>;
      @plugin(Pool) declare readonly pool: Pool;
      @plugin(Pool, { dependsOn: ['pool'] }) declare readonly warm: Pool;
      @output(Order) declare readonly out: OutputPort<Order>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    const ordered = pipeline.add(Ordered, {}, { name: 'ordered' });
    ordered.orders.connect(ordered.out);
    expect(find(pipeline.plan({ ...options, location: 'memory:' }), 'ordered').levels).toEqual([['out', 'pool'], ['warm'], ['orders']]);
  });

  it('hand parameters on to plugins, parsed', () => {
    class Server extends Plugin {
      static override readonly parameters = z.object({ port: z.int(), path: z.string().default('/check') });
      declare readonly parameters: ParametersOf<typeof Server>;
    }
    @operator()
    class Served extends Operator {
      static override readonly parameters = z.object({ base: z.int() });
      declare readonly parameters: ParametersOf<typeof Served>;
      @plugin(Server, { parameters: { port: 80 } }) declare readonly fixed: Server;
      @plugin(Server, { parameters: ({ base }: ParametersOf<typeof Served>) => ({ port: base + 1 }) }) declare readonly made: Server;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Served, { base: 8_000 }, { name: 'served' });
    expect(find(pipeline.plan(options), 'served').plugins.map(({ name, values }) => ({ name, values }))).toEqual([
      { name: 'fixed', values: { port: 80, path: '/check' } },
      { name: 'made', values: { port: 8_001, path: '/check' } },
    ]);
  });

  it('keep state with its kind', () => {
    @operator()
    class Counting extends Operator {
      @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Counting, {}, { name: 'counting' });
    const plan = pipeline.plan(options);
    expect(plan.problems).toEqual([]);
    expect(find(plan, 'counting').states).toMatchObject([{ name: 'progress', per: 'replica' }]);
  });
});

describe('channels', () => {
  it('are one per input: fan-in shares it, fan-out writes several', () => {
    const pipeline = new Pipeline('p');
    const [a, b] = [pipeline.add(Source, { count: 1 }, { name: 'a', replicas: 2 }), pipeline.add(Source, { count: 1 }, { name: 'b' })];
    const [one, two] = [pipeline.add(Sink, {}, { name: 'one', replicas: 3 }), pipeline.add(Sink, {}, { name: 'two' })];
    one.orders.connect(a.orders, b.orders, a.orders);
    one.orders.connect(b.orders);
    two.orders.connect(a.orders);
    const plan = pipeline.plan(options);

    expect(plan.problems).toEqual([]);
    expect(plan.channels.map(({ name, partitions, groups, reader, writers }) => ({ name, partitions, groups, reader: reader?.operator, writers: writers.map(({ operator, replicas }) => `${operator}×${replicas}`) }))).toEqual([
      { name: 'p.one.orders', partitions: 3, groups: ['p.one.orders'], reader: 'one', writers: ['a×2', 'b×1'] },
      { name: 'p.two.orders', partitions: 1, groups: ['p.two.orders'], reader: 'two', writers: ['a×2'] },
    ]);
    expect(find(plan, 'a').outputs[0]?.channels.map(({ name }) => name)).toEqual(['p.one.orders', 'p.two.orders']);
    expect(find(plan, 'b').outputs[0]?.channels).toEqual([find(plan, 'one').inputs[0]?.channel]);
  });

  it('have more partitions where asked, and with broadcast one and a group for each replica', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 1 }, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'more', replicas: 2, ports: { orders: { partitions: 8 } } }).orders.connect(source.orders);
    pipeline.add(Sink, {}, { name: 'all', replicas: 2, ports: { orders: { broadcast: true } } }).orders.connect(source.orders);
    pipeline.add(Sink, {}, { name: 'both', replicas: 2, ports: { orders: { broadcast: true, partitions: 3 } } }).orders.connect(source.orders);
    const { channels, problems } = pipeline.plan(options);

    expect(problems).toEqual([]);
    expect(channels.map(({ name, partitions, groups }) => [name, partitions, groups])).toEqual([
      ['p.more.orders', 8, ['p.more.orders']],
      ['p.all.orders', 1, ['p.all.orders#0', 'p.all.orders#1']],
      ['p.both.orders', 3, ['p.both.orders#0', 'p.both.orders#1']],
    ]);
    expect(groupName('p.all.orders', true, 1)).toBe('p.all.orders#1');
    expect(assignedPartitions(8, 2, 1, false)).toEqual([1, 3, 5, 7]);
    expect(assignedPartitions(3, 2, 1, true)).toEqual([0, 1, 2]);
  });

  it('of dead letters belong to their reader, or are there for nobody', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 1 }, { name: 'source' });
    const sink = pipeline.add(Sink, {}, { name: 'sink', replicas: 2, ports: { orders: { onError: 'deadLetter' } } });
    const alone = pipeline.add(Sink, {}, { name: 'alone', ports: { orders: { onError: 'deadLetter' } } });
    sink.orders.connect(source.orders);
    alone.orders.connect(source.orders);
    pipeline.add(Letters, {}, { name: 'letters' }).letters.connect(sink.orders.deadLetters);
    const plan = pipeline.plan(options);

    expect(find(plan, 'sink').inputs[0]?.deadLetters).toMatchObject([{ name: 'p.letters.letters', reader: { operator: 'letters' }, writers: [{ operator: 'sink', port: 'orders.deadLetters', codec: DeadLetter, replicas: 2 }] }]);
    expect(find(plan, 'alone').inputs[0]?.deadLetters).toMatchObject([{ name: 'p.alone.orders.deadLetters', partitions: 1, groups: [], reader: undefined, writers: [{ operator: 'alone', port: 'orders.deadLetters' }] }]);
    expect(plan.problems.map(({ code, severity }) => [code, severity])).toEqual([['MILLRACE_DEAD_LETTERS_UNREAD', 'warning']]);
  });

  it('of others are joined by location', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, { count: 1 }, { name: 'source' });
    const sink = pipeline.add(Sink, {}, { name: 'sink', replicas: 2 });
    sink.orders.from('memory:shop/orders?group=billing&start=2026-03-01T00:00:00%2B01:00&until=end&format=json&wire');
    source.orders.to('memory:shop/orders');
    const plan = pipeline.plan(options);

    expect(plan.problems).toEqual([]);
    expect(find(plan, 'sink').inputs[0]?.channel).toMatchObject({
      name: 'orders', location: 'memory:shop?wire', partitions: 0, groups: ['billing'], writers: [], reader: { operator: 'sink', replicas: 2 },
      external: { group: 'billing', start: Date.UTC(2026, 1, 28, 23), untilEnd: true, format: 'json', registry: undefined },
    });
    expect(find(plan, 'source').outputs[0]?.channels).toMatchObject([{ name: 'orders', location: 'memory:shop', reader: undefined, writers: [{ operator: 'source' }], external: { group: undefined, start: 'earliest', untilEnd: false } }]);
  });
});

describe('selected', () => {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, { count: 1 }, { name: 'source' });
  pipeline.add(Sink, {}, { name: 'sink', replicas: 3 }).orders.connect(source.orders);

  it('is everything without only', () => {
    const plan = pipeline.plan(options);
    expect([plan.selected('source', 0), plan.selected('sink', 2)]).toEqual([true, true]);
  });

  it('is what only names, operators and replicas', () => {
    const plan = pipeline.plan({ ...options, only: ['source', 'sink#2'], runId: 'nightly-1' });
    expect(plan.problems).toEqual([]);
    expect([plan.selected('source', 0), plan.selected('sink', 0), plan.selected('sink', 2)]).toEqual([true, false, true]);
  });

  it('refuses what there is not', () => {
    const { problems } = pipeline.plan({ ...options, only: ['sinc', 'sink#3', 'sink#x'] });
    expect(problems.map(({ what, remedy }) => `${what}; ${remedy}`)).toMatchInlineSnapshot(`
      [
        "only is given without a runId; give every start of the run the same runId; without one each start takes the others’ replicas away",
        ""sinc" names no operator; write 'operator' or 'operator#index'; did you mean sink?",
        ""sink#3" names a replica that there is not; sink has 3: sink#0 to sink#2",
        ""sink#x" names no operator; write 'operator' or 'operator#index'; did you mean sink?",
      ]
    `);
    expect(pipeline.plan({ ...options, only: [], runId: 'a b' }).problems.map(({ what, remedy }) => `${what}; ${remedy}`)).toMatchInlineSnapshot(`
      [
        "runId is "a b"; give 1 to 128 letters, digits and . : _ -, the same to every start of the run",
        "only names no replica; name some, or leave it out for all",
      ]
    `);
  });
});

it('is pure: constructs no operator, and the same pipeline gives the same plan', () => {
  @operator()
  class Touchy extends Operator {
    constructor() {
      super();
      throw new Error('constructed');
    }
    override onRunning(): void {}
  }
  const pipeline = new Pipeline('p');
  pipeline.add(Touchy, {}, { name: 'touchy' });
  expect(pipeline.plan(options).toJSON()).toEqual(pipeline.plan(options).toJSON());
});
