import { sharedKafka } from '#kafka';
import type { ChannelReader, ReaderOptions, Session } from '@millrace/core';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { kafkaBackend } from '../backend.js';
import { open, read, unique, valuesOf } from '../fixtures.js';
import type { KafkaTransport } from './transport.js';

const { bootstrap, describe } = await sharedKafka();
const WAIT = { timeout: 30_000, interval: 20 };
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING });

describe('a reader of a topic that gets more partitions', () => {
  const admin = kafka.admin();
  let transport: KafkaTransport;
  let session: Session;
  let topic: string;
  let wakes: number;

  beforeAll(() => admin.connect());
  afterAll(() => admin.disconnect());
  beforeEach(async () => {
    topic = unique('growth');
    wakes = 0;
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
    transport = (await kafkaBackend.connect(`kafka://${bootstrap}`, { fetch: { metadataMaxAge: 50 } })) as KafkaTransport;
    session = await open(transport, `${topic}.o#0`, { wake: () => wakes++ });
  });
  afterEach(() => transport.close());

  const grow = async (count: number): Promise<void> => {
    await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    await vi.waitFor(async () => expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.filter(({ leader }) => leader >= 0)).toHaveLength(count), WAIT);
  };
  const send = async (partition: number, ...values: readonly string[]): Promise<void> => {
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: values.map((value) => ({ value, partition })) });
    await producer.disconnect();
  };
  const place = async (partitions: readonly number[], options: Partial<ReaderOptions> = {}): Promise<ChannelReader> => {
    const reader = await session.reader(topic, { group: topic, partitions, start: 'earliest', external: true, ...options });
    await reader.loadInputRecordOffset();
    return reader;
  };

  it('takes up its share from the first record on, even where it began at the latest, and tells of what is empty', async () => {
    await send(1, 'old');
    const reader = await place([1], { start: 'latest', share: { index: 1, of: 2 } });
    await grow(6);
    await send(3, 'x', 'y');
    await send(1, 'z');
    const told = new Map<number, string[]>();
    await vi.waitFor(() => {
      for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) told.set(batch.partition, [...(told.get(batch.partition) ?? []), ...valuesOf(batch)]);
      expect(Object.fromEntries(told)).toEqual({ 1: ['z'], 3: ['x', 'y'], 5: [] });
    }, WAIT);
    expect([reader.partitions, reader.hasRecords(), await reader.endOffsets(), await reader.getConsumerLag()]).toEqual([[1, 3, 5], false, new Map([[1, 2], [3, 2], [5, 0]]), new Map([[1, 0], [3, 0], [5, 0]])]);
    await session.commit(new Map([[reader, new Map([[1, 2], [3, 1], [5, 0]])]]));
    expect((await transport.describeChannel(topic))?.groups.get(topic)).toEqual(new Map([[1, 2], [3, 1], [5, 0]]));
  });

  it('takes up all of them where its replicas read everything, and none where it was given no share', async () => {
    const [all, fixed] = [await place([0, 1], { share: { index: 0, of: 1 } }), await place([0, 1])];
    await grow(4);
    for (const partition of [0, 3]) await send(partition, `p${partition}`);
    expect((await read(all, 2)).values.sort()).toEqual(['p0', 'p3']);
    expect((await read(fixed, 1)).values).toEqual(['p0']);
    expect([all.partitions, fixed.partitions]).toEqual([[0, 1, 2, 3], [0, 1]]);
  });

  it('that is placed anew within a run takes up at once what came meanwhile, at the position of the group', async () => {
    const share = { index: 0, of: 2 };
    const before = await place([0], { share });
    await grow(6);
    await send(2, 'read', 'not read');
    await send(4, 'never seen');
    await read(before, 3);
    await session.commit(new Map([[before, new Map([[2, 1]])]]));
    session = await open(transport, session.owner);
    const after = await session.reader(topic, { group: topic, partitions: [0], start: 'latest', external: true, share });
    expect(await after.loadInputRecordOffset()).toEqual(new Map([[0, 0], [2, 1], [4, 0]]));
    expect((await read(after, 2)).values.sort()).toEqual(['never seen', 'not read']);
  });

  it('fails where a new partition cannot be taken up', async () => {
    const reader = await place([0], { share: { index: 0, of: 2 } });
    vi.spyOn(transport.positions, 'committed').mockRejectedValue(new Error('no position to be had'));
    const before = wakes;
    await grow(3);
    await vi.waitFor(() => expect(() => reader.readRecords()).toThrow('no position to be had'), WAIT);
    expect(() => reader.hasRecords()).toThrow('no position to be had');
    expect(wakes).toBeGreaterThan(before);
  });
});
