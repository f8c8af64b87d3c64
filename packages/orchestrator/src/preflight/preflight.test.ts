import { randomUUID } from 'node:crypto';
import {
  avro, dropMemorySpace, encodeFact, encodeToBuffer, FactKey, formatProblem, input, InputPort, json, memoryBackend, MillraceError, Operator, operator, output, OutputPort, Pipeline, state,
  type ChannelSpec, type Codec, type PartitionState, type Plan, type PlanOptions, type RecordOf, type Transport,
} from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { preflight, resolveExternalChannels, type PreflightOptions } from './index.js';

const Order = avro(z.object({ id: z.string(), total: z.int() }).meta({ id: 'Order' }));
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
class Counting extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @state(z.object({ seen: z.int().default(0) })) declare total: { seen: number };
  override onRunning(): void {}
}
@operator()
class PerPartition extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @input(Order) declare readonly more: InputPort<Order>;
  @state(z.object({ seen: z.int().default(0) }), { per: 'partition' }) declare readonly seen: PartitionState<{ seen: number }>;
  override onRunning(): void {}
}

let space: string;
let transports: Map<string, Transport>;

beforeEach(async () => {
  space = `preflight-${randomUUID()}`;
  transports = new Map([[`memory:${space}`, await memoryBackend.connect(`memory:${space}`)]]);
});
afterEach(async () => {
  for (const transport of transports.values()) await transport.close();
  dropMemorySpace(space);
});

const home = (): Transport => transports.get(`memory:${space}`)!;
const planOf = (pipeline: Pipeline, options: Partial<PlanOptions> = {}): Plan => {
  const plan = pipeline.plan({ location: `memory:${space}`, backends: [memoryBackend], ...options });
  expect(plan.problems).toEqual([]);
  return plan;
};
const findings = async (plan: Plan, options: Partial<PreflightOptions> = {}): Promise<readonly string[]> => (await preflight(plan, { transports, ...options })).map((problem) => formatProblem(problem).replaceAll(space, 'space'));
const fact = (key: string, value: object): Promise<void> => home().control('p').put(key, encodeFact(value));
const make = (...channels: ChannelSpec[]): Promise<void> => home().createResources(channels);

/** A source and a sink. */
function simple(replicas = 1, partitions?: number): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Sink, {}, { name: 'sink', replicas, ports: { orders: partitions === undefined ? {} : { partitions } } }).orders.connect(source.orders);
  return pipeline;
}

/** Appends records to a channel, as an earlier start did. */
async function write<T>(channel: string, codec: Codec<T>, values: readonly T[]): Promise<void> {
  const session = await home().open({ id: randomUUID(), delivery: 'at-least-once', wake() {} });
  const writer = await session.writer(channel);
  for (const value of values) {
    const bytes = encodeToBuffer(codec, value);
    await writer.writeRecords({ partition: 0, count: 1, bytes, bounds: Uint32Array.of(0, bytes.length), schema: codec.fingerprint, timestamp: 0 });
  }
  await session.commit(new Map());
  await session.close();
}

it('finds nothing where nothing is, and changes nothing', async () => {
  const plan = planOf(simple(3));
  expect(await findings(plan)).toEqual([]);
  expect(await home().describeChannel('p.sink.orders')).toBeUndefined();
  await make(...plan.channels);
  expect(await findings(plan)).toEqual([]);
});

describe('channels of earlier starts', () => {
  it('keep their partitions: the plan can take them where they suffice', async () => {
    await make({ name: 'p.sink.orders', partitions: 4 });
    expect(await findings(planOf(simple(2)))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the channel has 4 partitions, and the plan gives it 2; keys are placed by that number, so it never changes; give sink ports: { orders: { partitions: 4 } }, which its 2 replicas share; to change it, let the pipeline finish or drain it, and start it with fresh: true, which deletes its channels [MILLRACE_CHANNEL_MISMATCH]",
      ]
    `);
    expect(await findings(planOf(simple()))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the channel has 4 partitions, and the plan gives it 1; keys are placed by that number, so it never changes; give sink ports: { orders: { partitions: 4 } }, which its replica reads; to change it, let the pipeline finish or drain it, and start it with fresh: true, which deletes its channels [MILLRACE_CHANNEL_MISMATCH]",
      ]
    `);
    expect(await findings(planOf(simple(2, 4)))).toEqual([]);
  });

  it('keep their partitions: where they do not suffice it goes back', async () => {
    await make({ name: 'p.sink.orders', partitions: 1 });
    expect(await findings(planOf(simple(3)))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the channel has one partition, and the plan gives it 3; keys are placed by that number, so it never changes; go back to one replica of sink; to change it, let the pipeline finish or drain it, and start it with fresh: true, which deletes its channels [MILLRACE_CHANNEL_MISMATCH]",
      ]
    `);
  });

  it('of dead letters too', async () => {
    await make({ name: 'p.sink.orders.deadLetters', partitions: 2 });
    const plan = simple().plan({ location: `memory:${space}`, backends: [memoryBackend], defaults: { ports: { onError: 'deadLetter' } } });
    expect(await findings(plan)).toMatchInlineSnapshot(`
      [
        "p.sink.orders.deadLetters: the channel has 2 partitions, and the plan gives it 1; keys are placed by that number, so it never changes; to change it, let the pipeline finish or drain it, and start it with fresh: true, which deletes its channels [MILLRACE_CHANNEL_MISMATCH]",
      ]
    `);
  });
});

describe('external channels', () => {
  const reading = (query: string, replicas = 1): Plan => {
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, {}, { name: 'sink', replicas }).orders.from(`memory:${space}/shop?${query}`);
    return planOf(pipeline);
  };

  it('must exist, for reading and for writing', async () => {
    const pipeline = new Pipeline('p');
    pipeline.add(Sink, {}, { name: 'sink' }).orders.from(`memory:${space}/shop?group=g`);
    pipeline.add(Source, {}, { name: 'source' }).orders.to(`memory:${space}/bills`);
    expect(await findings(planOf(pipeline))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: there is no channel shop at memory:space, and channels of others are never made by a pipeline; create it, or correct the location [MILLRACE_CHANNEL_UNKNOWN]",
        "p.source.orders: there is no channel bills at memory:space, and channels of others are never made by a pipeline; create it, or correct the location [MILLRACE_CHANNEL_UNKNOWN]",
      ]
    `);
    await make({ name: 'shop', partitions: 1 }, { name: 'bills', partitions: 1 });
    expect(await findings(planOf(pipeline))).toEqual([]);
  });

  it('with fewer partitions than replicas leave some with nothing to do', async () => {
    await make({ name: 'shop', partitions: 2 });
    expect(await findings(reading('group=g', 2))).toEqual([]);
    expect(await findings(reading('group=g', 3))).toMatchInlineSnapshot(`
      [
        "p.sink: shop has 2 partitions for 3 replicas, of which 1 will read nothing of it; give it 2 replicas, or the channel more partitions [MILLRACE_CHANNEL_MISMATCH]",
      ]
    `);
  });

  it('whose group is new while one of a similar name is not are warned of', async () => {
    await make({ name: 'shop', partitions: 1, groups: ['billing', 'audit'] });
    expect(await findings(reading('group=biling&start=latest'))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: the group biling has no positions on shop and begins at latest, while a group billing has some; nothing if that is meant; else write group=billing [MILLRACE_GROUP_UNKNOWN]",
      ]
    `);
    expect(await findings(reading('group=billing'))).toEqual([]);
    expect(await findings(reading('group=somethingElse'))).toEqual([]);
  });

  it('are no channels of the pipeline under another spelling', async () => {
    transports.set(`memory:${space}?wire`, await memoryBackend.connect(`memory:${space}?wire`));
    const pipeline = simple();
    pipeline.add(Sink, {}, { name: 'round' }).orders.from(`memory:${space}/p.sink.orders?group=g&wire`);
    const problems = await findings(planOf(pipeline));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^p\.round\.orders: p\.sink\.orders at memory:space\?wire is a channel of this pipeline: memory:space is the same place/);
  });

  it('give their partitions to a plan that counts on them', async () => {
    await make({ name: 'shop', partitions: 5 });
    const plan = reading('group=g');
    const resolved = await resolveExternalChannels(plan, transports);
    expect([plan.channels[0]?.partitions, resolved.channels[0]?.partitions, resolved.operators[0]?.inputs[0]?.channel.partitions]).toEqual([0, 5, 5]);
    const own = planOf(simple());
    expect(await resolveExternalChannels(own, transports)).toBe(own);
  });

  it('must have as many partitions as other inputs where state goes by partition', async () => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    const both = pipeline.add(PerPartition, {}, { name: 'both', ports: { more: { partitions: 2 } } });
    both.orders.from(`memory:${space}/shop?group=g`);
    both.more.connect(source.orders);
    await make({ name: 'shop', partitions: 3 });
    expect(await findings(planOf(pipeline))).toMatchInlineSnapshot(`
      [
        "p.both: state per partition (seen) needs inputs of equal partition counts: orders has 3 partitions, more has 2 partitions; give the inputs that the pipeline owns as many partitions as the external channel has, or read the channels with an operator each [MILLRACE_STATE_INVALID]",
      ]
    `);
    await home().deleteResources({ channels: ['shop'] });
    await make({ name: 'shop', partitions: 2 });
    expect(await findings(planOf(pipeline))).toEqual([]);
  });
});

describe('replicas of earlier starts', () => {
  const counting = (replicas: number): Plan => {
    const pipeline = new Pipeline('p');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Counting, {}, { name: 'counting', replicas, ports: { orders: { partitions: 8 } } }).orders.connect(source.orders);
    return planOf(pipeline);
  };

  it('with state of their own are not changed', async () => {
    await fact(FactKey.replicas('counting'), { count: 3, highest: 3 });
    expect(await findings(counting(2))).toMatchInlineSnapshot(`
      [
        "p.counting: it ran with 3 replicas and is to run with 2, but each replica has state of its own (total); go back to 3, declare the state { per: 'partition' }, or let the pipeline finish first; fresh: true deletes the state [MILLRACE_RESCALE_REFUSED]",
      ]
    `);
    expect(await findings(counting(3))).toEqual([]);
    await fact(FactKey.replicas('counting'), { highest: 1 });
    expect(await findings(counting(2))).toMatchInlineSnapshot(`
      [
        "p.counting: it ran with 1 replica and is to run with 2, but each replica has state of its own (total); go back to 1, declare the state { per: 'partition' }, or let the pipeline finish first; fresh: true deletes the state [MILLRACE_RESCALE_REFUSED]",
      ]
    `);
  });

  it('without such state may change', async () => {
    await fact(FactKey.replicas('sink'), { count: 3, highest: 3 });
    expect(await findings(planOf(simple(2)))).toEqual([]);
  });

  it('in a form that is not understood are passed over', async () => {
    await fact(FactKey.replicas('counting'), { count: 'three' });
    await home().control('p').put(FactKey.replicas('source'), Uint8Array.of(255));
    expect(await findings(counting(2))).toEqual([]);
  });
});

describe('schemas of earlier starts', () => {
  const Earlier = avro(z.object({ id: z.string() }).meta({ id: 'Order' }));
  const Compatible = avro(z.object({ id: z.string(), total: z.int(), note: z.string() }).meta({ id: 'Order' }));
  const Stranger = avro(z.object({ other: z.string() }).meta({ id: 'Stranger' }));
  const publish = ({ fingerprint, format, name, schema }: Codec<never>): Promise<void> => fact(FactKey.schema(fingerprint), { format, name, schema });

  it('must be readable while records of theirs may wait', async () => {
    const plan = planOf(simple());
    await make(...plan.channels);
    await publish(Earlier as unknown as Codec<never>);
    expect(await findings(plan)).toEqual([]);
    await write('p.sink.orders', Earlier, [{ id: 'a' }]);
    expect((await findings(plan)).map((line) => line.replace(/\([0-9a-f]{16}\)/, '(fingerprint)'))).toMatchInlineSnapshot(`
      [
        "p.sink.orders: records that wait there were written by an earlier version of Order (fingerprint) and cannot be read by sink.orders: Order.total: not written, and the reader has no default for it; let the earlier version read them first, or give the reader’s schema defaults for what they lack; fresh: true deletes them [MILLRACE_SCHEMA_INCOMPATIBLE]",
      ]
    `);

    const session = await home().open({ id: 'p.sink#0', delivery: 'at-least-once', wake() {} });
    const reader = await session.reader('p.sink.orders', { group: 'p.sink.orders', partitions: [0], start: 'earliest' });
    await session.commit(new Map([[reader, new Map([[0, 1]])]]));
    await session.close();
    expect(await findings(plan)).toEqual([]);
  });

  it('that are readable, or of other records, or unreadable themselves, are fine', async () => {
    const plan = planOf(simple());
    await make(...plan.channels);
    await write('p.sink.orders', Compatible, [{ id: 'a', total: 1, note: '' }]);
    for (const codec of [Compatible, Stranger, Order]) await publish(codec as unknown as Codec<never>);
    await fact(FactKey.schema('0000000000000000'), { format: 'avro', schema: 5, name: 'Order' });
    await fact(FactKey.schema('0000000000000001'), { v: 2, format: 'avro', schema: '{', name: 'Order' });
    expect(await findings(plan)).toEqual([]);
  });

  it('that are no schemas are told of where records wait', async () => {
    const plan = planOf(simple());
    await make(...plan.channels);
    await write('p.sink.orders', Order, [{ id: 'a', total: 1 }]);
    await fact(FactKey.schema('0000000000000000'), { format: 'avro', schema: '{"type":', name: 'Order' });
    expect(await findings(plan)).toHaveLength(1);
  });

  it('under the fingerprint of another one clash', async () => {
    const Timed = avro(z.object({ at: z.date() }).meta({ id: 'Timed' }));
    const Plain = avro({ type: 'record', name: 'Timed', fields: [{ name: 'at', type: 'long' }] });
    expect(Timed.fingerprint).toBe(Plain.fingerprint);
    @operator()
    class TimedSource extends Operator {
      @output(Timed) declare readonly times: OutputPort<RecordOf<typeof Timed>>;
      override onRunning(): void {}
    }
    @operator()
    class TimedSink extends Operator {
      @input(Timed) declare readonly times: InputPort<RecordOf<typeof Timed>>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    const source = pipeline.add(TimedSource, {}, { name: 'source' });
    pipeline.add(TimedSink, {}, { name: 'sink' }).times.connect(source.times);
    await publish(Plain as unknown as Codec<never>);
    const problems = await findings(planOf(pipeline));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^p\.source\.times: an earlier start published another schema under the fingerprint [0-9a-f]{16}: two schemas .*\[MILLRACE_SCHEMA_CLASH\]$/);
  });

  it('of records without a name are compared by their format', async () => {
    const Line = json(z.object({ line: z.string() }));
    @operator()
    class Lines extends Operator {
      @output(Line) declare readonly out: OutputPort<{ line: string }>;
      @input(Line) declare readonly in: InputPort<{ line: string }>;
      override onRunning(): void {}
    }
    const pipeline = new Pipeline('p');
    const lines = pipeline.add(Lines, {}, { name: 'lines' });
    lines.in.connect(lines.out);
    const plan = pipeline.plan({ location: `memory:${space}`, backends: [memoryBackend] });
    await make(...plan.channels);
    await publish(json(z.object({ other: z.int() })) as unknown as Codec<never>);
    await write('p.lines.in', Line, [{ line: '' }]);
    expect(await findings(plan)).toEqual([]);
  });
});

describe('services', () => {
  it('that an operator asks for and nobody binds are named, for replicas that run here', async () => {
    const pipeline = simple();
    const whyNot: PreflightOptions['whyNot'] = ({ name }) => {
      if (name === 'source') throw new TypeError('no such token.');
      return new MillraceError('MILLRACE_INJECTION_FAILED', `argument 0 of ${name} asks for Printer`);
    };
    expect(await findings(planOf(pipeline), { whyNot })).toMatchInlineSnapshot(`
      [
        "p.source: no such token; bind what it asks for in services [MILLRACE_INJECTION_FAILED]",
        "p.sink: argument 0 of sink asks for Printer; bind what it asks for in services [MILLRACE_INJECTION_FAILED]",
      ]
    `);
    expect(await findings(planOf(pipeline, { only: ['source'], runId: 'r' }), { whyNot })).toHaveLength(1);
  });
});

describe('a location', () => {
  it('that does not answer is a problem each, not an exception', async () => {
    const plan = planOf(simple());
    const refuse = (): Promise<never> => Promise.reject(new Error('not authorised.'));
    const deaf: Transport = {
      identity: 'deaf', capabilities: home().capabilities, limits: home().limits, createResources: refuse, deleteResources: refuse, open: refuse, close: () => Promise.resolve(),
      describeChannel: refuse,
      control: () => ({ put: () => Promise.resolve(), remove: () => Promise.resolve(), follow: () => Promise.reject(new MillraceError('MILLRACE_TIMEOUT', 'no answer')) }),
    };
    expect(await findings(plan, { transports: new Map([[plan.location, deaf]]) })).toMatchInlineSnapshot(`
      [
        "p.sink.orders: memory:space does not say what the channel is like: not authorised; see to it that the location is up and that this process may describe its channels [MILLRACE_CHANNEL_UNKNOWN]",
        "memory:space: the facts of p cannot be read: no answer; see to it that the location is up and that this process may read there [MILLRACE_TIMEOUT]",
      ]
    `);
    expect(await findings(plan, { transports: new Map() })).toMatchInlineSnapshot(`
      [
        "memory:space: the location is not connected; connect to every location of the plan first [MILLRACE_LOCATION_INVALID]",
      ]
    `);
  });

  it('without the transactions that it was taken to have keeps exactly-once from starting', async () => {
    const plan = planOf(simple(), { defaults: { delivery: 'exactly-once' } });
    const old = new Proxy(home(), { get: (target, key): unknown => {
      const value: unknown = Reflect.get(target, key, target);
      if (key === 'capabilities') return { ...target.capabilities, transactions: false };
      return typeof value === 'function' ? value.bind(target) : value;
    } });
    expect(await findings(plan, { transports: new Map([[plan.location, old]]) })).toMatchInlineSnapshot(`
      [
        "p.source: exactly-once needs transactions, and memory:space turns out not to have them; ask for 'at-least-once', or use a location with transactions [MILLRACE_DELIVERY_IMPOSSIBLE]",
        "p.sink: exactly-once needs transactions, and memory:space turns out not to have them; ask for 'at-least-once', or use a location with transactions [MILLRACE_DELIVERY_IMPOSSIBLE]",
      ]
    `);
  });
});

it('tells of everything at once', async () => {
  await make({ name: 'p.sink.orders', partitions: 4 });
  await fact(FactKey.replicas('counting'), { count: 3, highest: 3 });
  const pipeline = simple(2);
  pipeline.add(Counting, {}, { name: 'counting' }).orders.from(`memory:${space}/shop?group=g`);
  expect((await preflight(planOf(pipeline), { transports, whyNot: () => new Error('x') })).map(({ code }) => code)).toEqual([
    'MILLRACE_CHANNEL_MISMATCH', 'MILLRACE_CHANNEL_UNKNOWN', 'MILLRACE_RESCALE_REFUSED', 'MILLRACE_INJECTION_FAILED', 'MILLRACE_INJECTION_FAILED', 'MILLRACE_INJECTION_FAILED',
  ]);
});
