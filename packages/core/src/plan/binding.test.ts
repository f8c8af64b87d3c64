/** External channels. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, bytes, json, text, type RecordOf } from '../codec/index.js';
import type { ChannelBackend } from '../channel/spi.js';
import { formatProblem } from '../error/index.js';
import { memoryBackend } from '../memory/index.js';
import { input, operator, Operator, output } from '../operator/index.js';
import { Pipeline } from '../pipeline/index.js';
import { InputPort, OutputPort } from '../port/index.js';
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

  it('carry JSON where the records have such a form', () => {
    const Dated = avro(z.object({ at: z.date(), data: z.instanceof(Uint8Array) }).meta({ id: 'Dated' }));
    const Foreign = avro<{ id: string; hash: Uint8Array }>('{"type":"record","name":"Foreign","fields":[{"name":"id","type":"string"},{"name":"hash","type":{"type":"fixed","name":"Hash","size":16}}]}');
    @operator()
    class Several extends Operator {
      @output(Dated) declare readonly dated: OutputPort<RecordOf<typeof Dated>>;
      @output(Foreign) declare readonly foreign: OutputPort<RecordOf<typeof Foreign>>;
      override onRunning(): boolean {
        return true;
      }
    }
    const pipeline = new Pipeline('p');
    const several = pipeline.add(Several, {}, { name: 'several' });
    several.dated.to('kafka://b:9092/dated?format=json');
    several.foreign.to('kafka://b:9092/foreign?format=json');
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.several.dated: format=json cannot carry the records of this port: this zod schema has no JSON form:
        - Dated.at: z.date has no JSON form; use z.iso.datetime()
        - Dated.data: z.instanceof(Uint8Array) has no JSON form; use a z.object, or z.base64() for bytes; choose another format [MILLRACE_SCHEMA_UNMAPPABLE]",
        "p.several.foreign: format=json cannot carry the records of this port: this Avro schema has no JSON form:
        - Foreign.hash: bytes have no JSON form; use a string with base64; choose another format [MILLRACE_SCHEMA_UNMAPPABLE]",
      ]
    `);
    expect(reading('kafka://b:9092/orders?group=g&format=json')).toEqual([]);
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
