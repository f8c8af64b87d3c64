/** State and schemas. Each problem with its exact text. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, json, type RecordOf } from '../codec/index.js';
import type { Capabilities, ChannelBackend } from '../channel/spi.js';
import { formatProblem } from '../error/index.js';
import { input, operator, Operator, output, state, type PartitionState } from '../operator/index.js';
import { Pipeline, type AddOptions } from '../pipeline/index.js';
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

describe('state', () => {
  const stateful = (schema: z.ZodType): readonly string[] => {
    @operator()
    class Stateful extends Operator {
      @state(schema) declare memory: unknown;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    pipeline.add(Stateful, {}, { name: 'stateful' });
    return problemsOf(pipeline);
  };

  it('begins with defaults', () => {
    expect(stateful(z.object({ sent: z.int().default(0), last: z.string(), next: z.object({ id: z.string() }) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state does not begin with a value: last, next have no default; give every member a .default() [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.int())).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state does not begin with a value: it has no default; give every member a .default() [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.string().optional())).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state begins as undefined, which cannot be stored; give it a .default(), which may be null [MILLRACE_STATE_INVALID]",
      ]
    `);
    for (const schema of [z.object({}), z.int().default(0), z.object({ a: z.int().default(1), b: z.string().nullable().default(null), c: z.string().optional() }), z.array(z.string()).default([]), z.object({ a: z.int() }).prefault({ a: 1 })]) expect(stateful(schema)).toEqual([]);
  });

  it('can be stored as JSON', () => {
    const date = z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (value) => value.toISOString() });
    expect(stateful(z.object({ since: z.date().default(() => new Date(0)) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state cannot be stored as JSON: since: Invalid input: expected date, received string; use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint) [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.object({ count: z.bigint().default(0n) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state cannot be stored as JSON: Do not know how to serialize a BigInt; use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint) [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.object({ low: z.number().or(z.nan()).default(NaN) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state cannot be stored as JSON: low: Invalid input; use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint) [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.object({ seen: z.map(z.string(), z.int()).default(() => new Map([['a', 1]])) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state cannot be stored as JSON: seen: Invalid input: expected map, received object; use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint) [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.object({ up: z.string().transform((text) => text.length).default(0) }))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the state cannot be stored as JSON: Encountered unidirectional transform during encode: ZodTransform; use types that JSON has, or z.codec() for those that it has not (dates, maps, bigint) [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.object({ since: date.prefault('2026-01-01T00:00:00.000Z') }))).toEqual([]);
  });

  it('whose check fails is a problem, not an exception', () => {
    expect(stateful(z.object({}).refine(async () => true))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the check of the state failed: Encountered Promise during synchronous parse. Use .parseAsync() instead; state is parsed synchronously; refinements and transforms must neither throw nor be async [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(stateful(z.preprocess(() => { throw new Error('broken'); }, z.object({})))).toMatchInlineSnapshot(`
      [
        "p.stateful.memory: the check of the state failed: broken; state is parsed synchronously; refinements and transforms must neither throw nor be async [MILLRACE_STATE_INVALID]",
      ]
    `);
  });

  it('per partition needs partitions to belong to, as many of each input', () => {
    @operator()
    class PerPartition extends Operator {
      @input(Order) declare readonly orders: InputPort<Order>;
      @input(Order) declare readonly more: InputPort<Order>;
      @state(z.int().default(0), { per: 'partition' }) declare readonly counts: PartitionState<number>;
      override onRunning(): void {}
    }
    @operator()
    class NoInput extends Operator {
      @state(z.int().default(0), { per: 'partition' }) declare readonly counts: PartitionState<number>;
      override onRunning(): void {}
    }
    const of = (ports: AddOptions<PerPartition>['ports'], external = false): readonly string[] => {
      const pipeline = new Pipeline('p');
      const source = pipeline.add(Source, {}, { name: 'source' });
      const counting = pipeline.add(PerPartition, {}, { name: 'counting', replicas: 2, ...(ports === undefined ? {} : { ports }) });
      counting.orders.connect(source.orders);
      if (external) counting.more.from('disk:other/more?group=g');
      else counting.more.connect(source.orders);
      return problemsOf(pipeline);
    };
    expect(of({})).toEqual([]);
    expect(of({ orders: { broadcast: true } })).toEqual([]);
    expect(of({ orders: { partitions: 8 } })).toMatchInlineSnapshot(`
      [
        "p.counting.counts: state per partition needs inputs of equal partition counts: orders has 8, more has 2; give each of them partitions: 8 [MILLRACE_STATE_INVALID]",
      ]
    `);
    expect(of({ orders: { partitions: 8 } }, true)).toEqual([]);
    expect(of({ orders: { broadcast: true }, more: { broadcast: true } })).toMatchInlineSnapshot(`
      [
        "p.counting.counts: state per partition belongs to partitions that replicas share, and the operator has broadcast inputs only; declare it { per: 'replica' } [MILLRACE_STATE_INVALID]",
      ]
    `);
    const pipeline = new Pipeline('p');
    pipeline.add(NoInput, {}, { name: 'none' });
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.none.counts: state per partition belongs to partitions that replicas share, and the operator has no input; declare it { per: 'replica' } [MILLRACE_STATE_INVALID]",
      ]
    `);
  });
});

describe('schemas', () => {
  it('of both ends are held against each other, for each writer', () => {
    const Small = avro(z.object({ id: z.string(), total: z.string() }).meta({ id: 'Bill' }));
    const Large = avro(z.object({ id: z.string(), total: z.number(), note: z.string() }).meta({ id: 'Bill' }));
    const Lines = json(z.object({ id: z.string() }));
    @operator()
    class Writers extends Operator {
      @output(Small) declare readonly small: OutputPort<RecordOf<typeof Small>>;
      @output(Lines) declare readonly lines: OutputPort<{ id: string }>;
      @output(Large) declare readonly large: OutputPort<RecordOf<typeof Large>>;
      override onRunning(): void {}
    }
    @operator()
    class Reader extends Operator {
      @input(Large) declare readonly bills: InputPort<RecordOf<typeof Large>>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    const writers = pipeline.add(Writers, {}, { name: 'writers' });
    const reader = pipeline.add(Reader, {}, { name: 'reader' });
    // As YAML or plain JavaScript can connect them.
    reader.bills.connect(writers.small as never, writers.lines as never, writers.large);
    expect(problemsOf(pipeline)).toMatchInlineSnapshot(`
      [
        "p.reader.bills: what writers.small writes cannot be read by reader.bills: Bill.total: written as string, read as double; declare both ports with one codec, or give the reader’s schema the members that the writer has, with defaults for those that it has not [MILLRACE_SCHEMA_INCOMPATIBLE]",
        "p.reader.bills: what writers.small writes cannot be read by reader.bills: Bill.note: not written, and the reader has no default for it; declare both ports with one codec, or give the reader’s schema the members that the writer has, with defaults for those that it has not [MILLRACE_SCHEMA_INCOMPATIBLE]",
        "p.reader.bills: what writers.lines writes cannot be read by reader.bills: written as json, read as avro; declare both ports with one codec, or give the reader’s schema the members that the writer has, with defaults for those that it has not [MILLRACE_SCHEMA_INCOMPATIBLE]",
      ]
    `);
  });

  it('that cannot be told apart are refused', () => {
    const Timed = avro(z.object({ at: z.date() }).meta({ id: 'Timed' }));
    const Counted = avro({ type: 'record', name: 'Timed', fields: [{ name: 'at', type: 'long' }] });
    expect(Timed.fingerprint).toBe(Counted.fingerprint);
    @operator()
    class Writers extends Operator {
      @output(Timed) declare readonly timed: OutputPort<RecordOf<typeof Timed>>;
      @output(Counted) declare readonly counted: OutputPort<RecordOf<typeof Counted>>;
      @input(Timed) declare readonly one: InputPort<RecordOf<typeof Timed>>;
      @input(Counted) declare readonly two: InputPort<RecordOf<typeof Counted>>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    const writers = pipeline.add(Writers, {}, { name: 'writers' });
    writers.one.connect(writers.timed);
    writers.two.connect(writers.counted);
    expect(problemsOf(pipeline)).toEqual([expect.stringMatching(/^p\.writers\.counted: its schema clashes with that of writers\.timed: two schemas .* declare both ports with one codec, or give one of the records another id \[MILLRACE_SCHEMA_CLASH\]$/)]);
  });
});
