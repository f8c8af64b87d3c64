import { sharedKafka } from '#kafka';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createTopics, deleteTopics, fetch, KafkaClient, produce, type KafkaNode } from '../client/index.js';
import { latin1, outgoing, recordsOf, type TestRecord } from './fixtures.js';
import { AT, ATTRIBUTE, COMPRESSION_IDS } from './format.js';
import { BatchBuilder, decodeRecordSet, type Compression } from './index.js';

const { bootstrap, describe } = await sharedKafka();

const TIME = Date.now() - 60_000;
const RECORDS: TestRecord[] = Array.from({ length: 300 }, (_, i) => ({
  value: i % 9 === 8 ? undefined : Buffer.from(`value ${i} `.repeat(i % 20)),
  key: i % 3 === 0 ? Buffer.from(`key ${i}`) : undefined,
  headers: i % 5 === 0 ? [['name', Buffer.from(`${i}`)], ['name', Buffer.alloc(0)], ['größe', Buffer.of(0, 255)]] : undefined,
  timestamp: i % 4 === 0 ? TIME + 1000 - 10 * i : undefined,
}));

describe('a real broker', () => {
  let client: KafkaClient;
  const topics: string[] = [];

  beforeAll(async () => {
    client = await KafkaClient.connect({ brokers: [bootstrap], clientId: 'batches' });
  });

  afterAll(async () => {
    await client?.controller().send(deleteTopics(topics, 10_000));
    await client?.close();
  });

  async function topicWith(configs: Record<string, string>): Promise<{ topic: string; leader: KafkaNode }> {
    const topic = `batches-${randomUUID()}`;
    topics.push(topic);
    expect(await client.controller().send(createTopics([{ topic, partitions: 1, configs }], 10_000))).toEqual([{ topic, errorCode: 0, reason: null }]);
    return vi.waitFor(async () => {
      await client.metadata([topic]);
      const id = client.leader(topic, 0);
      if (id === undefined) throw new Error('nobody leads it yet');
      return { topic, leader: client.node(id) };
    }, 30_000);
  }

  const seal = (compression: Compression) => {
    const builder = new BatchBuilder(1 << 20);
    expect(builder.append(outgoing(RECORDS, TIME), 0)).toBe(RECORDS.length);
    return builder.seal({ producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false, compression });
  };

  /** Writes the records twice, reads them from within the first batch, and gives the attributes that they came with. */
  async function thereAndBack(compression: Compression, configs: Record<string, string>) {
    const { topic, leader } = await topicWith(configs);
    for (const baseOffset of [0, RECORDS.length]) {
      const [answer] = await leader.send(produce({ transactionalId: null, timeout: 10_000, batches: [{ topic, partition: 0, records: seal(compression) }] }));
      expect(answer).toMatchObject({ errorCode: 0, reason: null, baseOffset });
    }
    const from = 10;
    const [fetched] = await leader.send(fetch({ isolation: 'read_committed', maxWait: 10_000, minBytes: 1, maxBytes: 1 << 24, partitions: [{ topic, topicId: client.topicId(topic)!, partition: 0, offset: from, maxBytes: 1 << 24 }] }));
    const { batches, next } = decodeRecordSet(fetched!.records, { topic, partition: 0, from, framing: 'none', isolation: 'read_committed', abortedTransactions: fetched!.abortedTransactions });
    expect(next).toBe(2 * RECORDS.length);
    const records = recordsOf(batches);
    const written = [...RECORDS, ...RECORDS].map(({ key, value, headers, timestamp = TIME }, offset) => ({ offset, timestamp, key: latin1(key), value: latin1(value), headers: (headers ?? []).map(([name, bytes]) => [name, latin1(bytes)]) }));
    const attributes = fetched!.records.readInt16BE(AT.attributes);
    return { records, written: written.slice(from), compression: attributes & ATTRIBUTE.compression, isAppendTime: (attributes & ATTRIBUTE.logAppendTime) !== 0 };
  }

  it.each<Compression>(['none', 'gzip', 'lz4', 'zstd'])('takes batches packed with %s as they are', async (compression) => {
    const { records, written, ...rest } = await thereAndBack(compression, { 'compression.type': 'producer' });
    expect(records).toEqual(written);
    expect(rest).toEqual({ compression: COMPRESSION_IDS[compression], isAppendTime: false });
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('packs batches anew with %s, which are read', async (compression) => {
    const { records, written, ...rest } = await thereAndBack('none', { 'compression.type': compression });
    expect(records).toEqual(written);
    expect(rest).toEqual({ compression: COMPRESSION_IDS[compression], isAppendTime: false });
  });

  it('gives its own time where it is told to', async () => {
    const before = Date.now();
    const { records, written, ...rest } = await thereAndBack('lz4', { 'message.timestamp.type': 'LogAppendTime' });
    expect(records).toEqual(written.map((record, i) => ({ ...record, timestamp: records[i]!.timestamp })));
    expect(Math.min(...records.map((record) => record.timestamp))).toBeGreaterThanOrEqual(before - 1000);
    expect(rest).toEqual({ compression: COMPRESSION_IDS.lz4, isAppendTime: true });
  });
});
