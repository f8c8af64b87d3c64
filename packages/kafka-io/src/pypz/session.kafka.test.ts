import { sharedKafka } from '#kafka';
import { encodeFact, FactKey, type ChannelReader, type Session, type StatusFact, type Transport } from '@millrace/core';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kafkaBackend } from '../backend.js';
import { batchOf, open, read, unique, valuesOf } from '../fixtures.js';
import { statusTopic, type Side } from './names.js';

const { bootstrap, describe } = await sharedKafka();
const WAIT = { timeout: 30_000, interval: 20 };
const transports: Transport[] = [];
let transport: Transport;
let plain: Transport;
let channel: string;
let pipeline: string;

const kafka = new Kafka({ brokers: [bootstrap || 'localhost:1'], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
const producer = kafka.producer();

async function connect(location: string, options?: unknown): Promise<Transport> {
  const connected = await kafkaBackend.connect(location, options);
  transports.push(connected);
  return connected;
}

const reader = (session: Session, { replicas = 1, partitions = [0], group = channel, peers = [`${pipeline}.w#0`] }: { replicas?: number; partitions?: readonly number[]; group?: string; peers?: readonly string[] } = {}): Promise<ChannelReader> =>
  session.reader(channel, { group, partitions, start: 'earliest', role: { port: 'in', replicas, peers } });
const writer = (session: Session, replicas = 1) => session.writer(channel, { role: { port: 'out', replicas, peers: [`${pipeline}.r#0`] } });

/** As pypz would tell a status. */
async function tell(side: Side, status: string, timestamp = Date.now(), context = side === 'reader' ? channel : `${pipeline}.w.out`): Promise<void> {
  const value = JSON.stringify({ channel_name: channel, channel_context_name: context, channel_group_name: null, channel_group_index: 0, status, payload: null, timestamp });
  await producer.send({ topic: statusTopic(channel, side), messages: [{ key: 'state', value }] });
}

/** The first statuses in a topic, once there are so many. */
async function told(side: Side, count: number): Promise<readonly Record<string, unknown>[]> {
  const session = await open(plain, unique('told'));
  const topic = await session.reader(statusTopic(channel, side), { group: unique('told'), partitions: [0], start: 'earliest', external: true });
  await topic.loadInputRecordOffset();
  return (await read(topic, count)).values.map((value) => JSON.parse(value) as Record<string, unknown>);
}

function fact(side: Side, status: StatusFact['status'], owner: string): Promise<void> {
  return transport.control(pipeline).put(FactKey.status(1, channel, owner, 1, side), encodeFact({ channel, owner, side, port: '', incarnation: 1, process: 'test', status, ...(status === 'Closed' ? { reason: 'drained' } : {}) } satisfies StatusFact));
}

describe('a channel that is shared with pypz', () => {
  beforeEach(async () => {
    pipeline = unique('pz');
    channel = `${pipeline}.r.in`;
    await Promise.all([admin.connect(), producer.connect()]);
    [transport, plain] = await Promise.all([connect(`kafka://${bootstrap}?protocol=pypz`), connect(`kafka://${bootstrap}`)]);
  });
  afterEach(async () => {
    await Promise.all(transports.splice(0).map((each) => each.close()));
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });

  it.each([
    [1, false, 1],
    [3, false, 3],
    [3, true, 1],
  ])('topics: its principal of %i, broadcast %s, makes %i partitions and one for each side’s statuses; nobody else makes any', async (replicas, broadcast, partitions) => {
    await transport.createResources([{ name: channel, partitions }]);
    expect(await transport.describeChannel(channel)).toBeUndefined();
    await reader(await open(transport, `${pipeline}.r#0`), { replicas, group: broadcast ? `${channel}#0` : channel });
    const { topics } = await admin.fetchTopicMetadata({ topics: [channel, `${channel}.output.state`, `${channel}.input.state`] });
    expect(new Map(topics.map((topic) => [topic.name, topic.partitions.length]))).toEqual(new Map([[channel, partitions], [`${channel}.output.state`, 1], [`${channel}.input.state`, 1]]));
    await expect(transport.createResources([{ name: channel, partitions: partitions + 1 }])).rejects.toThrow('MILLRACE_CHANNEL_MISMATCH');
  });

  it.each([
    ['alone', 1, 0, false, (of: string) => `${of}@${of}.${of}`],
    ['shared', 3, 1, false, (of: string) => `${of}.${of}`],
    ['broadcast', 3, 2, true, (of: string) => `${of}@${of.replace('.r.', '.r_1.')}.${of}`],
  ] as const)('positions, %s: committed under pypz’s group, without metadata, and found again', async (_what, replicas, index, broadcast, groupOf) => {
    await reader(await open(transport, `${pipeline}.r#0`), { replicas, group: broadcast ? `${channel}#0` : channel });
    const partition = broadcast ? 0 : index;
    await producer.send({ topic: channel, messages: ['a', 'b', 'c'].map((value) => ({ partition, value })) });
    const group = broadcast ? `${channel}#${index}` : channel;
    const session = await open(transport, `${pipeline}.r#${index}`);
    const own = await reader(session, { replicas, partitions: [partition], group });
    expect(await own.loadInputRecordOffset()).toEqual(new Map([[partition, 0]]));
    expect(await own.getConsumerLag()).toEqual(new Map([[partition, 3]]));
    expect(own.hasRecords()).toBe(true);
    expect((await read(own, 3)).values).toEqual(['a', 'b', 'c']);
    await session.commit(new Map([[own, new Map([[partition, 2]])]]));
    const [{ partitions: offsets } = { partitions: [] }] = await admin.fetchOffsets({ groupId: groupOf(channel), topics: [channel] });
    expect(offsets.find((each) => each.partition === partition)).toMatchObject({ offset: '2' });
    expect(offsets.every(({ metadata }) => metadata === '' || metadata === null)).toBe(true);
    expect((await transport.describeChannel(channel))?.groups.get(group)).toEqual(new Map([[partition, 2]]));
    const again = await reader(await open(transport, `${pipeline}.r#${index}`), { replicas, partitions: [partition], group });
    expect(await again.loadInputRecordOffset()).toEqual(new Map([[partition, 2]]));
    expect((await read(again, 1)).values).toEqual(['c']);
  });

  it('records wait until the reader’s principal has spoken; then they go bare, under their partition as key, and heartbeats count them', async () => {
    const reading = await open(transport, `${pipeline}.r#0`);
    const own = await reader(reading);
    await own.loadInputRecordOffset();
    const session = await open(transport, `${pipeline}.w#0`);
    const out = await writer(session);
    expect([out.partitions, out.partitioner]).toEqual([1, 'round-robin']);
    const room = out.writeRecords({ ...batchOf(['a', 'b']), schema: '00112233aabbccdd' });
    const committed = session.commit(new Map());
    expect(await own.endOffsets()).toEqual(new Map([[0, 0]]));
    await tell('reader', 'HealthCheck');
    await room;
    expect((await committed).ends).toEqual(new Map([[out, new Map([[0, 2]])]]));
    let batch = own.readRecords();
    await vi.waitFor(() => expect((batch ??= own.readRecords())).toBeDefined(), WAIT);
    expect(valuesOf(batch!)).toEqual(['a', 'b']);
    expect([0, 1].map((i) => Buffer.from(batch!.key(i)!).toString())).toEqual(['0', '0']);
    await fact('writer', 'Closed', session.owner);
    await fact('reader', 'Closed', reading.owner);
    const counts = [...(await told('writer', 3)), ...(await told('reader', 4))].filter(({ payload }) => payload !== null).map(({ payload }) => payload);
    expect(counts).toEqual([{ sentRecordCount: 2 }, { receivedRecordCount: 2 }]);
  });

  it('a reader that gives the topic other partitions than the plan fails the writer instead of losing records', async () => {
    await reader(await open(transport, `${pipeline}.r#0`));
    const session = await open(transport, `${pipeline}.w#0`);
    const out = await writer(session);
    void Promise.resolve(out.writeRecords(batchOf(['a']))).catch(() => undefined);
    await admin.createPartitions({ topicPartitions: [{ topic: channel, count: 2 }] });
    await tell('reader', 'HealthCheck');
    await expect(session.commit(new Map())).rejects.toThrow(/MILLRACE_CHANNEL_MISMATCH.*2 partitions.*plan says 1/);
  });

  it('statuses of ours: what the runtime says is told in pypz’s words, with heartbeats while an end is open', async () => {
    const owner = `${pipeline}.r#1`;
    await reader(await open(transport, `${pipeline}.r#0`), { replicas: 2 });
    await reader(await open(transport, owner), { replicas: 2, partitions: [1] });
    for (const status of ['Opened', 'Started'] as const) await fact('reader', status, owner);
    await transport.control(pipeline).put('beat/1/test', encodeFact({}));
    await fact('reader', 'Closed', owner);
    await transport.control(pipeline).put('beat/1/test', encodeFact({}));
    const all = (await told('reader', 8)).filter((status) => status['channel_context_name'] === `${pipeline}.r_0.in`);
    expect(all.map(({ status }) => status)).toEqual(['Opened', 'Started', 'HealthCheck', 'HealthCheck', 'HealthCheck', 'Stopped', 'Closed']);
    expect(all[0]).toEqual({ channel_name: channel, channel_context_name: `${pipeline}.r_0.in`, channel_group_name: channel, channel_group_index: 1, status: 'Opened', payload: null, timestamp: expect.any(Number) });
    const times = all.map(({ timestamp }) => Number(timestamp));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('statuses of pypz: seen as facts; Stopped is an end, what follows an Error is none, Opened begins anew, stale ones do not count', async () => {
    await reader(await open(transport, `${pipeline}.r#0`));
    const seen: string[] = [];
    await transport.control(pipeline).follow('status/7/', (key, value) => {
      const { owner, incarnation, status } = JSON.parse(Buffer.from(value!).toString()) as StatusFact;
      expect(key).toBe(FactKey.status(7, channel, owner, incarnation, 'writer'));
      seen.push(`${owner} ${incarnation} ${status}`);
    });
    const now = Date.now();
    await producer.send({ topic: statusTopic(channel, 'writer'), messages: [{ key: 'state', value: 'nonsense' }, { key: 'other', value: 'x' }] });
    await tell('writer', 'HealthCheck', now);
    await tell('writer', 'Error', now + 1);
    await tell('writer', 'Closed', now + 2);
    await tell('writer', 'Opened', now + 3);
    await tell('writer', 'Closed', now);
    await tell('writer', 'Stopped', now + 4);
    const w = `${pipeline}.w#0`;
    await vi.waitFor(() => expect(seen).toEqual([`${w} 1 Started`, `${w} 1 Error`, `${w} 2 Opened`, `${w} 2 Closed`]), WAIT);
  });

  it('a writer that fell silent fails the reader, which says what it said last', async () => {
    const impatient = await connect(`kafka://${bootstrap}?protocol=pypz`, { peerTimeout: 400 });
    const session = await open(impatient, `${pipeline}.r#0`);
    await reader(session);
    await tell('writer', 'Started');
    await vi.waitFor(() => expect(session.failure).toBeDefined(), WAIT);
    expect(session.failure?.message).toMatch(/MILLRACE_PEER_DEAD: writer \S+\.w#0 .* its last status was Started/);
  });

  it('topics that a pypz principal reads are left to it; ours are deleted', async () => {
    await reader(await open(transport, `${pipeline}.r#0`));
    await fact('reader', 'Opened', `${pipeline}.r#0`);
    await transport.deleteResources({ channels: [channel] });
    const left = async (): Promise<number> => (await admin.listTopics()).filter((topic) => topic.startsWith(channel)).length;
    expect(await left()).toBe(0);
    await reader(await open(transport, `${pipeline}.r#0`));
    await tell('reader', 'Opened');
    await transport.deleteResources({ channels: [channel] });
    expect(await left()).toBe(3);
    await admin.deleteTopics({ topics: [channel, `${channel}.output.state`, `${channel}.input.state`] });
  });
});

it.each(['lz4', 'zstd'])('%s is refused, since pypz cannot unpack it', async (compression) => {
  await expect(kafkaBackend.connect('kafka://localhost:1?protocol=pypz', { producer: { compression } })).rejects.toThrow(`MILLRACE_OPTION_INVALID: pypz's readers cannot unpack ${compression}`);
});
