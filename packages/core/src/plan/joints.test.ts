/** How a pipeline is put together: connections, external channels, locations, dead letters. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, bytes, json, text, type RecordOf } from '../codec/index.js';
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

describe('external channels', () => {
  const reading = (location: string, options?: object): readonly string[] => {
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, {}, { name: 'sink', ports: { orders: options ?? {} } }).orders.from(location);
    return problemsOf(pipeline);
  };
  const writing = (location: string): readonly string[] => {
    const pipeline = new Pipeline('p');
    pipeline.add(Source, {}, { name: 'source' }).orders.to(location);
    return problemsOf(pipeline);
  };

  it('are read under a group', () => {
    expect(reading('kafka://b:9092/orders')).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the external input names no group; add group=… to the location: under it the positions are kept, and a group of your own takes no records from others [MILLRACE_GROUP_MISSING]",
      ]
    `);
    expect(reading('kafka://b:9092/orders?group=')).toHaveLength(1);
    expect(reading('kafka://b:9092/orders?group=billing')).toEqual([]);
  });

  it('have binding keys with known values', () => {
    expect(reading('kafka://b:9092/orders?group=g&start=yesterday&until=noon&format=arvo&group=h')).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the key group stands twice; keep one of them [MILLRACE_LOCATION_INVALID]",
        "p.sink.orders: start is "yesterday"; write start=earliest, start=latest or an ISO time such as start=2026-03-01T00:00:00Z [MILLRACE_LOCATION_INVALID]",
        "p.sink.orders: until is "noon"; write until=end, or leave it out to read on for ever [MILLRACE_LOCATION_INVALID]",
        "p.sink.orders: format is "arvo"; did you mean avro? [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(reading('kafka://b:9092/orders?group=g&start=2026-13-40')).toHaveLength(1);
    for (const start of ['earliest', 'latest', '2026-03-01', '2026-03-01T10:00Z', '2026-03-01T10:00:00.5+01:00']) expect(reading(`kafka://b:9092/orders?group=g&start=${start}`)).toEqual([]);
  });

  it('can be read from a time on where records are kept', () => {
    const queue: ChannelBackend = { ...broker, capabilities: () => ({ ...broker.capabilities(''), replay: false }) };
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, {}, { name: 'sink' }).orders.from('kafka://b:9092/orders?group=g&start=2026-03-01');
    expect(problemsOf(pipeline, { backends: [memoryBackend, queue] })).toMatchInlineSnapshot(`
      [
        "p.sink.orders: start is a time, and kafka://b:9092 does not keep what was read, so that nothing can be found by its time; write start=earliest or start=latest [MILLRACE_CAPABILITY_MISSING]",
      ]
    `);
  });

  it('are written without a group or a start', () => {
    expect(writing('kafka://b:9092/orders?group=g&start=latest&until=end&format=json')).toMatchInlineSnapshot(`
      [
        "p.source.orders: group belongs to from(), and this is an output; remove group from the location [MILLRACE_LOCATION_INVALID]",
        "p.source.orders: start belongs to from(), and this is an output; remove start from the location [MILLRACE_LOCATION_INVALID]",
        "p.source.orders: until belongs to from(), and this is an output; remove until from the location [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('are named by the location', () => {
    expect(reading('kafka://b:9092?group=g')).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the location kafka://b:9092 names no channel; end it with the name of the channel, as in kafka://broker:9092/orders [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('in the format confluent need a registry, and no other does', () => {
    expect(reading('kafka://b:9092/orders?group=g&format=confluent')).toMatchInlineSnapshot(`
      [
        "p.sink.orders: format=confluent needs a schema registry; add registry=https://… to the location [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(writing('kafka://b:9092/orders?format=json&registry=http://registry:8081')).toMatchInlineSnapshot(`
      [
        "p.source.orders: registry is for format=confluent only; add format=confluent, or remove registry [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(writing('kafka://b:9092/orders?format=confluent&registry=registry')).toMatchInlineSnapshot(`
      [
        "p.source.orders: registry is "registry"; write the address of a schema registry, such as registry=https://registry:8081 [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(writing('kafka://b:9092/orders?format=confluent&registry=https://me:pw@registry')).toMatchInlineSnapshot(`
      [
        "p.source.orders: the registry holds credentials (user information before @); give them by environment variables or backend options, where no log, plan or file shows them [MILLRACE_LOCATION_INVALID]",
      ]
    `);
    expect(writing('kafka://b:9092/orders?format=confluent&registry=https%3A%2F%2Fregistry%3A8081')).toEqual([]);
  });

  it('have a format that fits the port', () => {
    const Lines = json(z.object({ line: z.string() }));
    @operator()
    class Formats extends Operator {
      @output(Order) declare readonly records: OutputPort<Order>;
      @output(Lines) declare readonly lines: OutputPort<{ line: string }>;
      @output(text()) declare readonly words: OutputPort<string>;
      @output(bytes()) declare readonly blobs: OutputPort<Uint8Array>;
      override onRunning(): void {}
    }
    const refused = (port: 'records' | 'lines' | 'words' | 'blobs'): readonly string[] => ['avro', 'avro-bare', 'json', 'text', 'bytes'].filter((format) => {
      const pipeline = new Pipeline('p');
      pipeline.add(Formats, {}, { name: 'formats' })[port].to(`kafka://b:9092/x?format=${format}`);
      return problemsOf(pipeline).length > 0;
    });
    expect([refused('records'), refused('lines'), refused('words'), refused('blobs')]).toEqual([['text', 'bytes'], ['avro', 'avro-bare', 'text', 'bytes'], ['avro', 'avro-bare', 'json', 'bytes'], ['avro', 'avro-bare', 'json', 'text']]);
    expect(writing('kafka://b:9092/orders?format=text')).toMatchInlineSnapshot(`
      [
        "p.source.orders: format=text cannot carry the records of this port, whose codec is avro; the formats for it are avro, avro-bare, confluent, json; or declare the port with another codec [MILLRACE_OPTION_INVALID]",
      ]
    `);
  });

  it('have the partitions that they have, and tell nothing of their writers', () => {
    expect(reading('kafka://b:9092/orders?group=g', { partitions: 3, onWriterDeath: 'fail', openTimeout: 5, syncOpen: true, sequential: true })).toMatchInlineSnapshot(`
      [
        "p.sink.orders.onWriterDeath: onWriterDeath is about the writers of a channel, and those of an external channel tell nothing of themselves; leave it out [MILLRACE_OPTION_INVALID]",
        "p.sink.orders.openTimeout: openTimeout is about the writers of a channel, and those of an external channel tell nothing of themselves; leave it out [MILLRACE_OPTION_INVALID]",
        "p.sink.orders.syncOpen: syncOpen is about the writers of a channel, and those of an external channel tell nothing of themselves; leave it out [MILLRACE_OPTION_INVALID]",
        "p.sink.orders.sequential: sequential is about the writers of a channel, and those of an external channel tell nothing of themselves; leave it out [MILLRACE_OPTION_INVALID]",
        "p.sink.orders.partitions: an external channel has the partitions that it has; leave it out [MILLRACE_OPTION_INVALID]",
      ]
    `);
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, {}, { name: 'sink' }).orders.from('kafka://b:9092/orders?group=g');
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend, broker], defaults: { ports: { syncOpen: true, sequential: true, onWriterDeath: 'fail', openTimeout: 9 } } });
    expect(plan.problems).toEqual([]);
    expect(plan.operators[0]?.inputs[0]).toMatchObject({ syncOpen: false, sequential: false, onWriterDeath: 'wait', openTimeout: 0 });
  });

  it('are read by one input under one group, and are not those of the pipeline itself', () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'one' }).orders.from('kafka://b:9092/orders?group=g');
    pipeline.add(Sink, {}, { name: 'two' }).orders.from('kafka://b:9092/orders?group=g&start=latest');
    pipeline.add(Sink, {}, { name: 'own' }).orders.connect(source.orders);
    pipeline.add(Sink, {}, { name: 'round' }).orders.from('memory:/p.own.orders?group=g');
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.two.orders: it reads orders under the group g, as p.one.orders does, and each would move the other’s positions; give each input a group of its own [MILLRACE_CONNECTION_INVALID]",
        "p.round.orders: p.own.orders at memory: is a channel of this pipeline; connect the ports instead [MILLRACE_CONNECTION_INVALID]",
      ]
    `);
  });

  it('may have another backend than the pipeline, which must be known', () => {
    expect(reading('pulsar://b/orders?group=g')).toMatchInlineSnapshot(`
      [
        "p.sink.orders: no backend is registered for the scheme pulsar; pass its backend; known: memory:, kafka:, kafkas: [MILLRACE_BACKEND_UNKNOWN]",
      ]
    `);
    expect(reading('orders')).toHaveLength(2);
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
    sink.orders.deadLetters.to('kafka://b:9092/lost?format=json');
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend, broker] });
    expect(plan.problems).toEqual([]);
    expect(plan.operators[1]?.inputs[0]?.deadLetters).toMatchObject([{ name: 'lost', location: 'kafka://b:9092', external: { format: 'json' }, writers: [{ operator: 'sink', port: 'orders.deadLetters' }] }]);
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
