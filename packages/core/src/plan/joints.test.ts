/** How a pipeline is put together: connections, locations, dead letters. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, type RecordOf } from '../codec/index.js';
import type { ChannelBackend } from '../channel/spi.js';
import { formatProblem } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { DeadLetter, InputPort, OutputPort } from '../port/index.js';
import type { PlanOptions } from './index.js';

const Order = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
type Order = RecordOf<typeof Order>;

@operator()
class Source extends Operator {
  @output(Order) declare readonly orders: OutputPort<Order>;
  override onRunning(): boolean {
    return true;
  }
}
@operator()
class Sink extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  override onRunning(): void {}
}
@operator()
class Letters extends Operator {
  @input(DeadLetter) declare readonly letters: InputPort<DeadLetter>;
  override onRunning(): void {}
}

/** A broker as far as a plan can tell. */
const broker: ChannelBackend = {
  schemes: ['kafka', 'kafkas'],
  parse(location) {
    const [, home = location, channel] = /^(kafkas?:\/\/[^/?]+)(?:\/([^?]+))?$/.exec(location) ?? [];
    return { location: home, channel };
  },
  capabilities: () => ({ reach: 'network', durable: true, transactions: true, replay: true, compaction: true, objects: false, bounded: false }),
  check: () => [],
  connect: () => Promise.reject(new Error('a plan connects to nothing')),
};

function problemsOf(pipeline: Pipeline, options: Partial<PlanOptions> = {}): readonly string[] {
  return pipeline.plan({ location: 'memory:', backends: [memoryBackend, broker], ...options }).problems.map(formatProblem);
}

describe('connections', () => {
  it('are needed by every input', () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the input reads from nothing; connect an output of the pipeline to it, or join it to an external channel with from() [MILLRACE_PORT_UNCONNECTED]",
      ]
    `);
  });

  it('join operators of one pipeline', () => {
    const other = new Pipeline('other');
    const stranger = other.add(Source, {}, { name: 'stranger' });
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink' }).orders.connect(stranger.orders, source.orders);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.sink.orders: it is connected to orders of an operator of class Source that is not in this pipeline; add both operators to one pipeline; pipelines are joined by an external channel, with to() and from() [MILLRACE_CONNECTION_INVALID]",
      ]
    `);
  });

  it('and a binding do not go together, nor two bindings', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    const both = pipeline.add(Sink, {}, { name: 'both' });
    both.orders.connect(source.orders);
    both.orders.from('kafka://b:9092/orders?group=g');
    const two = pipeline.add(Sink, {}, { name: 'two' });
    two.orders.from('kafka://b:9092/orders?group=h');
    two.orders.from('kafka://b:9092/bills?group=h');
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.both.orders: it is connected to an output and reads an external channel too; keep one of both; an input port reads one channel [MILLRACE_CONNECTION_INVALID]",
        "p.two.orders: it reads 2 external channels; an input port reads one channel; declare a port for each [MILLRACE_CONNECTION_INVALID]",
      ]
    `);
  });

  it('may be made twice', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    const sink = pipeline.add(Sink, {}, { name: 'sink' });
    sink.orders.connect(source.orders, source.orders);
    source.orders.to('kafka://b:9092/orders');
    source.orders.to('kafka://b:9092/orders');
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend, broker] });
    expect(plan.problems).toEqual([]);
    expect(plan.channels.map(({ name, writers }) => [name, writers.length])).toEqual([['p.sink.orders', 1], ['orders', 1]]);
  });
});

describe('the location', () => {
  const at = (location: unknown, backends: readonly ChannelBackend[] = [memoryBackend, broker]): readonly string[] => problemsOf(new Pipeline('p'), { location: location as string, backends });

  it('needs a scheme that a backend is registered for', () => {
    expect(at('memry:')).toMatchInlineSnapshot(`
      [
        "location: no backend is registered for the scheme memry; did you mean memory:? Else pass its backend; known: memory:, kafka:, kafkas: [MILLRACE_BACKEND_UNKNOWN]",
      ]
    `);
    expect(at('amqp://b', [])).toMatchInlineSnapshot(`
      [
        "location: no backend is registered for the scheme amqp; pass its backend; no scheme is known [MILLRACE_BACKEND_UNKNOWN]",
      ]
    `);
    expect(problemsOf(new Pipeline('p'), { location: 'lokal:./data', backends: [memoryBackend], schemes: ['local'] })).toEqual(['location: no backend is registered for the scheme lokal; did you mean local:? Else pass its backend; known: memory:, local: [MILLRACE_BACKEND_UNKNOWN]']);
    expect(at('./data')).toMatchInlineSnapshot(`
      [
        "location: "./data" has no scheme; write scheme:rest, known: memory:, kafka:, kafkas: [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(at('')).toMatchInlineSnapshot(`
      [
        "location: the location is ""; write scheme:rest, known: memory:, kafka:, kafkas: [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(at(undefined)).toMatchInlineSnapshot(`
      [
        "location: the location is undefined; write scheme:rest, known: memory:, kafka:, kafkas: [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('is parsed by its backend', () => {
    expect(at('memory:?limit=5')).toMatchInlineSnapshot(`
      [
        "location: "memory:?limit=5" is no location of the memory backend: the query key "limit" is unknown; known are wire, records and bytes; correct the location [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(at('MEMORY:')).toMatchInlineSnapshot(`
      [
        "location: "MEMORY:" is no location of the memory backend: it does not begin with memory:; correct the location [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('names no channel and has no binding keys', () => {
    expect(at('memory:shop/orders')).toMatchInlineSnapshot(`
      [
        "location: the location names a channel, orders; the channels of a pipeline are named after its ports; give the location alone: memory:shop [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(at('memory:?group=g&format=text&wire')).toMatchInlineSnapshot(`
      [
        "location: group belongs to external channels; remove group; it goes with from() and to() [MILLRACE_LOCATION_INVALID]",
        "location: format belongs to external channels; remove format; it goes with from() and to() [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('holds no credentials, and they are shown nowhere', () => {
    const plan = new Pipeline('p').plan({ location: 'kafka://me:hunter2@b:9092?password=hunter3', backends: [broker] });
    expect(plan.problems.map(formatProblem)).toMatchInlineSnapshot(`
      [
        "location: the location holds credentials (user information before @); give them by environment variables or backend options, where no log, plan or file shows them [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(plan.location).toBe('kafka://b:9092?password=***');
    expect(plan.toText() + JSON.stringify(plan) + plan.toMermaid()).not.toMatch(/hunter/);
    expect(at('kafka://b:9092?sasl_password=x')).toHaveLength(1);
  });
});

describe('dead letters', () => {
  it('that nobody reads are warned of where they fill up or vanish', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink', ports: { orders: { onError: 'deadLetter' } } }).orders.connect(source.orders);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.sink.orders: nobody reads its dead letters in p.sink.orders.deadLetters: once it is full the operator waits, and it ends with the process; connect an input to sink.orders.deadLetters, or send them to an external channel with deadLetters.to() [MILLRACE_DEAD_LETTERS_UNREAD]",
      ]
    `);
    expect(problemsOf(pipeline, { location: 'kafka://b:9092' })).toEqual([]);
    const fleeting = { ...broker, capabilities: () => ({ ...broker.capabilities(''), durable: false }) };
    expect(problemsOf(pipeline, { location: 'kafka://b:9092', backends: [fleeting] })).toMatchInlineSnapshot(`
      [
        "p.sink.orders: nobody reads its dead letters in p.sink.orders.deadLetters: it ends with the process; connect an input to sink.orders.deadLetters, or send them to an external channel with deadLetters.to() [MILLRACE_DEAD_LETTERS_UNREAD]",
      ]
    `);
  });

  it('that are connected need a policy that makes them', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    const sink = pipeline.add(Sink, {}, { name: 'sink' });
    sink.orders.connect(source.orders);
    sink.orders.deadLetters.to('kafka://b:9092/lost');
    pipeline.add(Letters, {}, { name: 'letters' }).letters.connect(sink.orders.deadLetters);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.sink.orders.deadLetters: the dead letters are connected, but onError of the port is 'fail', so that there are none; give the port onError: 'deadLetter', or remove the connection [MILLRACE_CONNECTION_INVALID]",
      ]
    `);
    expect(problemsOf(pipeline, { defaults: { ports: { onError: 'deadLetter' } } })).toMatchInlineSnapshot(`
      [
        "p.letters.letters: nobody reads its dead letters in p.letters.letters.deadLetters: once it is full the operator waits, and it ends with the process; connect an input to letters.letters.deadLetters, or send them to an external channel with deadLetters.to() [MILLRACE_DEAD_LETTERS_UNREAD]",
      ]
    `);
  });

  it('go where they are sent', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    const sink = pipeline.add(Sink, {}, { name: 'sink', ports: { orders: { onError: 'deadLetter' } } });
    sink.orders.connect(source.orders);
    sink.orders.deadLetters.to('kafka://b:9092/lost?format=avro');
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend, broker] });
    expect(plan.problems).toEqual([]);
    expect(plan.operators[1]?.inputs[0]?.deadLetters).toMatchObject([{ name: 'lost', location: 'kafka://b:9092', external: { format: 'avro' }, writers: [{ operator: 'sink', port: 'orders.deadLetters' }] }]);
  });
});

it('adds what the backend says of the channels, and of sound names only', () => {
  const asked: string[] = [];
  const strict: ChannelBackend = {
    ...broker,
    check: (channels) => channels.map(({ name }) => (asked.push(name), { code: 'MILLRACE_NAME_INVALID', severity: 'error', where: name, what: 'the name is too long', remedy: 'shorten it' })),
  };
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Sink, {}, { name: 'sink' }).orders.connect(source.orders);
  pipeline.add(Sink, {}, { name: 'no/name' }).orders.connect(source.orders);
  expect(problemsOf(pipeline, { location: 'kafka://b:9092', backends: [strict] })).toMatchInlineSnapshot(`
    [
      "p.no/name: an operator cannot be called "no/name"; names have letters, digits, _ and -, and begin with a letter or _ [MILLRACE_NAME_INVALID]",
      "p.sink.orders: the name is too long; shorten it [MILLRACE_NAME_INVALID]",
    ]
  `);
  expect(asked).toEqual(['p.sink.orders']);
  const broken: ChannelBackend = { ...broker, check: () => { throw new Error('out of order'); } };
  expect(problemsOf(pipeline, { location: 'kafka://b:9092', backends: [broken] })).toHaveLength(2);
});
