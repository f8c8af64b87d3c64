/** Topics of others on a real broker: what they wrote is read, what we write they read. */
import { sharedKafka } from '#kafka';
import { encodeToBuffer } from '@millrace/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { avro, input, InputPort, lazy, Operator, operator, orchestrate, output, OutputPort, Pipeline, silentLogger, type LazyRecord } from '../index.js';
import { Desk, Order, Others, start, unique } from './fixtures.js';
import { RegistryStandIn } from './registry-stand-in.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap}`;
const others = new Others(bootstrap);
const ORDERS: readonly Order[] = [{ id: 1, item: 'tea', note: 'milk' }, { id: 2, item: 'cake', note: undefined }];
const BARE = ORDERS.map((order) => encodeToBuffer(Order, order));

const LazyOrder = lazy(Order);

@operator(import.meta)
class Renumber extends Operator {
  @input(LazyOrder) declare readonly orders: InputPort<LazyRecord<Order>>;
  @output(LazyOrder) declare readonly renumbered: OutputPort<LazyRecord<Order>>;

  override async onRunning(): Promise<void> {
    await this.renumbered.send(this.orders.retrieve().map((order) => order.with({ id: order.get('id') + 1_000 })));
  }
}

async function readAll(topic: string, keys: string): Promise<Order[]> {
  const desk = new Desk();
  const run = await start(desk, location, { from: `${location}/${topic}?group=${unique('group')}&until=end${keys}` });
  await run.completed;
  return desk.got;
}

async function write(topic: string, keys: string, orders = ORDERS): Promise<void> {
  const desk = new Desk();
  desk.toSend.push(...orders);
  await (await start(desk, location, { to: `${location}/${topic}${keys}` })).completed;
}

describe('an Avro port on a topic of others', () => {
  it('reads and writes JSON', async () => {
    const topic = await others.createTopic('json');
    await others.send(topic, ['{"id":1,"item":"tea","note":"milk"}', '{"id":2,"item":"cake","more":true}']);
    expect(await readAll(topic, '&format=json')).toEqual(ORDERS);
    const answers = await others.createTopic('json-out');
    await write(answers, '?format=json');
    expect((await others.read(answers, 2)).map(String)).toEqual(['{"id":1,"item":"tea","note":"milk"}', '{"id":2,"item":"cake"}']);
  });

  it('reads and writes single objects unless told otherwise', async () => {
    const topic = await others.createTopic('single');
    await write(topic, '');
    const header = Buffer.from([0xc3, 0x01, ...Buffer.from(Order.fingerprint, 'hex').reverse()]);
    const framed = BARE.map((value) => Buffer.concat([header, value]));
    expect(await others.read(topic, 2)).toEqual(framed);
    const foreign = await others.createTopic('single-in');
    await others.send(foreign, framed);
    expect(await readAll(foreign, '&format=avro')).toEqual(ORDERS);
  });

  it('reads and writes bare Avro', async () => {
    const topic = await others.createTopic('bare');
    await write(topic, '?format=avro-bare');
    expect(await others.read(topic, 2)).toEqual(BARE);
    expect(await readAll(topic, '&format=avro-bare')).toEqual(ORDERS);
  });

  it.each(['avro', 'avro-bare', 'json'] as const)('changes lazy records on their way from one topic to another, exactly-once: %s', async (format) => {
    const [from, to] = [await others.createTopic('lazy-in'), await others.createTopic('lazy-out')];
    await write(from, `?format=${format}`);
    const pipeline = new Pipeline(unique('lazy'));
    const renumber = pipeline.add(Renumber, {}, { name: 'renumber', delivery: 'exactly-once' });
    renumber.orders.from(`${location}/${from}?group=${unique('group')}&until=end&format=${format}`);
    renumber.renumbered.to(`${location}/${to}?format=${format}`);
    await (await orchestrate(pipeline, { location, logger: silentLogger, handleSignals: false })).completed;
    expect(await readAll(to, `&format=${format}`)).toEqual(ORDERS.map((order) => ({ ...order, id: order.id + 1_000 })));
  });

  it('fails by the policy of the port where a value is not of the format', async () => {
    const topic = await others.createTopic('wrong');
    await others.send(topic, ['{"id":1,"item":"tea"}']);
    await expect(readAll(topic, '')).rejects.toMatchObject({ code: 'MILLRACE_UNDECODABLE', port: 'orders', channel: topic, partition: 0, offset: 0, message: expect.stringContaining('does not begin with C3 01') as string });
  });

  it('begins at the end, or at a time', async () => {
    const topic = await others.createTopic('start');
    await others.send(topic, ['{"id":1,"item":"old"}'], 0, Date.parse('2026-01-01T00:00:00Z'));
    await others.send(topic, ['{"id":2,"item":"new"}'], 0, Date.parse('2026-02-01T00:00:00Z'));
    expect(await readAll(topic, '&format=json&start=2026-01-15')).toMatchObject([{ item: 'new' }]);
    expect(await readAll(topic, '&format=json&start=latest')).toEqual([]);
    expect(await readAll(topic, '&format=json')).toMatchObject([{ item: 'old' }, { item: 'new' }]);
  });
});

async function register(registry: string, subject: string, schema: string): Promise<number> {
  const response = await fetch(`${registry}/subjects/${subject}/versions`, { method: 'POST', headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify({ schema }) });
  return ((await response.json()) as { readonly id: number }).id;
}

describe('a schema registry', () => {
  let standIn: RegistryStandIn | undefined;
  /** A real one where it is given: `http://host:port`, with the path of its API. */
  let address = process.env['MILLRACE_SCHEMA_REGISTRY'] ?? '';
  beforeAll(async () => {
    if (address === '') address = (standIn = await RegistryStandIn.start()).address;
  });
  afterAll(() => standIn?.close());
  const framed = (id: number, value: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, id >> 8, id]), value]);

  it('knows the schema that a port writes, and the id goes before each value', async () => {
    const topic = await others.createTopic('confluent');
    await write(topic, `?format=confluent&registry=${address}`);
    const id = await register(address, `${topic}-value`, Order.schema);
    expect(await others.read(topic, 2)).toEqual(BARE.map((value) => framed(id, value)));
    expect(await readAll(topic, `&format=confluent&registry=${address}`)).toEqual(ORDERS);
  });

  it('tells the schema of each value, also of former writers', async () => {
    const topic = await others.createTopic('evolved');
    const Former = avro(z.object({ id: z.int(), item: z.string(), colour: z.string() }).meta({ id: 'com.acme.Order' }));
    const former = await register(address, `${topic}-value`, Former.schema);
    const latter = await register(address, `${topic}-other`, Order.schema);
    await others.send(topic, [framed(former, encodeToBuffer(Former, { id: 5, item: 'ink', colour: 'blue' })), framed(latter, BARE[0]!), framed(former, encodeToBuffer(Former, { id: 6, item: 'pen', colour: 'red' }))]);
    expect(await readAll(topic, `&format=confluent&registry=${address}`)).toEqual([{ id: 5, item: 'ink', note: undefined }, ORDERS[0], { id: 6, item: 'pen', note: undefined }]);
  });

  it('that does not know an id fails the reader', async () => {
    const topic = await others.createTopic('unknown');
    await others.send(topic, [framed(65_000, BARE[0]!)]);
    await expect(readAll(topic, `&format=confluent&registry=${address}`)).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_UNKNOWN', offset: 0, message: expect.stringContaining('has no schema 65000') as string });
  });

  it('that refuses the schema fails the writer before anything is sent', async () => {
    const topic = await others.createTopic('refused');
    const Other = avro(z.object({ id: z.string() }).meta({ id: 'com.acme.Order' }));
    await register(address, `${topic}-value`, Other.schema);
    if (standIn === undefined) await fetch(`${address}/config/${topic}-value`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"compatibility":"BACKWARD"}' });
    await expect(write(topic, `?format=confluent&registry=${address}`)).rejects.toMatchObject({ code: 'MILLRACE_SCHEMA_INCOMPATIBLE', port: 'orders', message: expect.stringContaining(`${topic}-value`) as string });
  });
});
