import { sharedKafka } from '#kafka';
import { MillraceError, type ChannelReader, type ReaderOptions, type Session, type Transport } from '@millrace/core';
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { kafkaBackend } from '../backend.js';
import { deleteRecords, describeTransactions } from '../client/index.js';
import { batchOf, open, read, unique } from '../fixtures.js';
import type { KafkaSession } from './session.js';
import type { KafkaTransport } from './transport.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap}`;
const WAIT = { timeout: 30_000, interval: 20 };
const transports: Transport[] = [];

async function connect(options?: unknown): Promise<KafkaTransport> {
  const transport = await kafkaBackend.connect(location, options);
  transports.push(transport);
  return transport as KafkaTransport;
}

describe('sessions on Kafka', () => {
  let transport: KafkaTransport;
  beforeEach(async () => void (transport = await connect()));
  afterEach(async () => void (await Promise.all(transports.splice(0).map((each) => each.close()))));

  it('what every group has committed past is deleted; what one has not stays', async () => {
    const channel = unique('trim');
    await transport.createResources([{ name: channel, partitions: 2, groups: ['a', 'b'].map((group) => `${channel}#${group}`) }]);
    const session = await open(transport, `${channel}.o#0`);
    const writer = await session.writer(channel);
    for (const partition of [0, 1]) void writer.writeRecords(batchOf(['1', '2', '3', '4'], partition));
    await session.commit(new Map());
    const a = await session.reader(channel, { group: `${channel}#a`, partitions: [0, 1], start: 'earliest' });
    const b = await session.reader(channel, { group: `${channel}#b`, partitions: [0, 1], start: 'earliest' });
    for (const reader of [a, b]) await reader.loadInputRecordOffset();
    await session.commit(new Map([[a, (await read(a, 8)).next]]));
    expect(await transport.trimmer.trim(channel, [0, 1])).toEqual(new Map());
    await read(b, 8);
    await session.commit(new Map([[b, new Map([[0, 3], [1, 4]])]]));
    expect(await transport.trimmer.trim(channel, [0, 1])).toEqual(new Map([[0, 3], [1, 4]]));
    expect((await transport.describeChannel(channel))?.starts).toEqual(new Map([[0, 3], [1, 4]]));
    await transport.deleteResources({ channels: [channel] });
  });

  it('a channel of its own retention is not trimmed', async () => {
    const channel = unique('kept');
    await transport.createResources([{ name: channel, partitions: 1, groups: [channel], retention: { records: 1 } }]);
    const session = await open(transport, `${channel}.o#0`);
    void (await session.writer(channel)).writeRecords(batchOf(['1', '2']));
    await session.commit(new Map());
    const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    await session.commit(new Map([[reader, (await read(reader, 2)).next]]));
    expect(await transport.trimmer.trim(channel, [0])).toEqual(new Map());
    await transport.deleteResources({ channels: [channel] });
  });

  it('a start that was overtaken moves no group back to where it began', async () => {
    const pipeline = unique('overtaken');
    const channel = `${pipeline}.sink.in`;
    const spec = { name: channel, partitions: 1, groups: [channel] };
    const slow = await connect();
    await open(slow, pipeline, { delivery: 'exactly-once' });
    const lacking = slow.positions.lacking.bind(slow.positions);
    let goOn = (): void => undefined;
    const asked = vi.spyOn(slow.positions, 'lacking').mockImplementation(async (...args) => {
      const found = await lacking(...args);
      await new Promise<void>((resolve) => (goOn = resolve));
      return found;
    });
    const overtaken = slow.createResources([spec]).then(() => undefined, (error: unknown) => error);
    await vi.waitFor(() => expect(asked.mock.settledResults).toHaveLength(1), WAIT);
    await open(transport, pipeline, { delivery: 'exactly-once' });
    await transport.createResources([spec]);
    expect((await transport.describeChannel(channel))?.groups).toEqual(new Map([[channel, new Map([[0, 0]])]]));
    const replica = await open(transport, `${pipeline}.sink#0`);
    void (await replica.writer(channel)).writeRecords(batchOf(['1', '2', '3']));
    await replica.commit(new Map());
    const reader = await replica.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    await replica.commit(new Map([[reader, (await read(reader, 3)).next]]));
    goOn();
    expect(await overtaken).toMatchObject({ code: 'MILLRACE_FENCED' });
    expect((await transport.describeChannel(channel))?.groups).toEqual(new Map([[channel, new Map([[0, 3]])]]));
    await transport.deleteResources({ channels: [channel], owners: [pipeline, replica.owner] });
  });

  it('a group with live members is refused', async () => {
    const channel = unique('used');
    await transport.createResources([{ name: channel, partitions: 1 }]);
    const consumer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).consumer({ groupId: channel });
    try {
      const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
      await consumer.connect();
      await consumer.subscribe({ topic: channel });
      await consumer.run({ eachMessage: async () => {} });
      await joined;
      const session = await open(transport, `${channel}.o#0`);
      const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
      await expect(reader.loadInputRecordOffset()).rejects.toThrow(/MILLRACE_GROUP_IN_USE.*live member.*kafkajs/s);
    } finally {
      await consumer.disconnect();
    }
    await transport.deleteResources({ channels: [channel] });
  });

  it('without fencing positions are committed as nobody’s member; @state and exactly-once are refused', async () => {
    const unfenced = await connect({ fencing: false });
    const channel = unique('unfenced');
    await unfenced.createResources([{ name: channel, partitions: 1 }]);
    const session = await open(unfenced, `${channel}.o#0`);
    void (await session.writer(channel)).writeRecords(batchOf(['1', '2']));
    expect([...(await session.commit(new Map())).ends.values()]).toEqual([new Map([[0, 2]])]);
    const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    await read(reader, 2);
    await session.commit(new Map([[reader, new Map([[0, 1]])]]), new Map([['framework', Buffer.from('kept')]]));
    expect((await unfenced.describeChannel(channel))?.groups).toEqual(new Map([[channel, new Map([[0, 1]])]]));
    expect(() => session.commit(new Map(), new Map([['state/progress', Buffer.from('x')]]))).toThrow(/MILLRACE_CAPABILITY_MISSING/);
    await expect(open(unfenced, `${channel}.p#0`, { delivery: 'exactly-once' })).rejects.toThrow(/MILLRACE_DELIVERY_IMPOSSIBLE/);
    const again = await open(unfenced, `${channel}.o#0`);
    expect([again.incarnation, Buffer.from(again.state.get('framework') ?? []).toString()]).toEqual([2, 'kept']);
    await unfenced.deleteResources({ channels: [channel], owners: [`${channel}.o#0`] });
  });

  it('a position that retention took is an error, or by option the earliest that is there', async () => {
    const channel = unique('truncated');
    await transport.createResources([{ name: channel, partitions: 1, groups: [channel] }]);
    const session = await open(transport, `${channel}.o#0`);
    void (await session.writer(channel)).writeRecords(batchOf(['1', '2', '3']));
    await session.commit(new Map());
    const other = await session.reader(channel, { group: `${channel}#other`, partitions: [0], start: 'earliest' });
    await other.loadInputRecordOffset();
    await read(other, 3);
    await session.commit(new Map([[other, new Map([[0, 2]])]]));
    await transport.client.node(transport.client.leader(channel, 0) ?? -1).send(deleteRecords([{ topic: channel, partition: 0, before: 2 }], 10_000));
    const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
    expect(await reader.loadInputRecordOffset()).toEqual(new Map([[0, 0]]));
    await vi.waitFor(() => expect(() => reader.readRecords()).toThrow(), WAIT);
    expect(() => reader.readRecords()).toThrow(/MILLRACE_OFFSET_OUT_OF_RANGE.*from 0 on.*from 2 to 3/s);
    const lenient = await open(await connect({ offsetReset: 'earliest' }), `${channel}.p#0`);
    const again = await lenient.reader(channel, { group: channel, partitions: [0], start: 'earliest' });
    await again.loadInputRecordOffset();
    expect(await read(again, 1)).toEqual({ values: ['3'], next: new Map([[0, 3]]) });
    const ofPort = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest', backend: { offsetReset: 'latest' } });
    await ofPort.loadInputRecordOffset();
    await vi.waitFor(() => expect(ofPort.readRecords()).toMatchObject({ count: 0, next: 3 }), WAIT);
    await transport.deleteResources({ channels: [channel] });
  });

  it('a reader of a topic of others sees what is not committed yet where its port or its connection says so', async () => {
    const channel = unique('isolation');
    await transport.createResources([{ name: channel, partitions: 1 }]);
    const writing = await open(transport, `${channel}.o#0`, { delivery: 'exactly-once' });
    void (await writing.writer(channel)).writeRecords(batchOf(['1', '2']));
    const dirty = await open(await connect({ fetch: { isolation: 'read_uncommitted' } }), `${channel}.p#0`);
    const place = async (session: Session, options: Partial<ReaderOptions>): Promise<ChannelReader> => {
      const reader = await session.reader(channel, { group: channel, partitions: [0], start: 'earliest', external: true, ...options });
      await reader.loadInputRecordOffset();
      return reader;
    };
    for (const reader of [await place(writing, { backend: { fetch: { isolation: 'read_uncommitted' } } }), await place(dirty, {})]) {
      expect((await read(reader, 2)).values).toEqual(['1', '2']);
      expect(await reader.endOffsets()).toEqual(new Map([[0, 2]]));
    }
    for (const reader of [await place(writing, {}), await place(dirty, { external: false })]) {
      expect(await reader.endOffsets()).toEqual(new Map([[0, 0]]));
      expect([reader.hasRecords(), reader.readRecords()]).toEqual([false, undefined]);
    }
    await writing.commit(new Map());
    await transport.deleteResources({ channels: [channel], owners: [writing.owner] });
  });

  it.each([
    ['another prefix', '?prefix=other.'],
    ['the protocol of pypz', '?protocol=pypz'],
  ])('an owner of the same name with %s is another one, with a state of its own', async (_, query) => {
    const owner = `${unique('namesake')}.o#0`;
    const other = await kafkaBackend.connect(`${location}${query}`);
    transports.push(other);
    const sessions = [await open(transport, owner), await open(other, owner)] as const;
    for (const [i, session] of sessions.entries()) await session.commit(new Map(), new Map([['framework', Buffer.from(`of ${i}`)]]));
    expect(sessions.map(({ failure, incarnation }) => [failure, incarnation])).toEqual([[undefined, 1], [undefined, 1]]);
    await other.deleteResources({ owners: [owner] });
    const states = [await open(transport, owner), await open(other, owner)].map(({ state }) => state.get('framework'));
    expect(states.map((state) => state && Buffer.from(state).toString())).toEqual(['of 0', undefined]);
  });

  it('a transaction that was open for longer than allowed is told from one that was fenced', async () => {
    const short = await connect({ producer: { transactionTimeout: 1000 } });
    const channel = unique('expired');
    await short.createResources([{ name: channel, partitions: 1 }]);
    const session = await open(short, `${channel}.o#0`, { delivery: 'exactly-once' });
    const writer = await session.writer(channel);
    void writer.writeRecords(batchOf(['1']));
    const coordinator = await short.client.transactionCoordinator(session.owner);
    const state = async (): Promise<string | undefined> => (await coordinator.send(describeTransactions([session.owner])))[0]?.state;
    // First the records are sent, then the cluster loses patience.
    await vi.waitFor(async () => expect(await state()).toBe('Ongoing'), WAIT);
    await vi.waitFor(async () => expect(await state()).toBe('CompleteAbort'), WAIT);
    await expect(session.commit(new Map())).rejects.toThrow(/MILLRACE_TRANSACTION_LOST.*was open for \d+ ms.*transactionTimeout/s);
    expect(session.failure).toBeInstanceOf(MillraceError);
    await short.deleteResources({ channels: [channel], owners: [`${channel}.o#0`] });
  });

  it('at-least-once does not mind that data takes longer to be stored than a transaction may last', async () => {
    const short = await connect({ producer: { transactionTimeout: 1000 } });
    const channel = unique('slow');
    await short.createResources([{ name: channel, partitions: 1, groups: ['g'] }]);
    const session = await open(short, `${channel}.o#0`);
    const reader = await session.reader(channel, { group: 'g', partitions: [0], start: 'earliest' });
    await reader.loadInputRecordOffset();
    const writer = await session.writer(channel);
    void writer.writeRecords(batchOf(['1']));
    await session.commit(new Map());
    const { next } = await read(reader, 1);
    void writer.writeRecords(batchOf(['2']));
    const { producer } = session as KafkaSession;
    const flush = producer.flush.bind(producer);
    const coordinator = await short.client.transactionCoordinator(session.owner);
    const state = async (): Promise<string | undefined> => (await coordinator.send(describeTransactions([session.owner])))[0]?.state;
    const states: (string | undefined)[] = [];
    vi.spyOn(producer, 'flush').mockImplementationOnce(async () => {
      await vi.waitFor(async () => expect(states.push(await state()) && states.at(-1)).toBe('CompleteAbort'), WAIT);
      await flush();
    });
    const { ends } = await session.commit(new Map([[reader, next]]), new Map([['framework', Buffer.from('kept')]]));
    expect(states).toContain('Ongoing');
    expect([...ends.values()]).toEqual([new Map([[0, 2]])]);
    expect((await short.describeChannel(channel))?.groups.get('g')).toEqual(new Map([[0, 1]]));
    expect(String((await open(short, `${channel}.o#0`)).state.get('framework'))).toBe('kept');
    await short.deleteResources({ channels: [channel], owners: [`${channel}.o#0`] });
  });
});
