import { sharedKafka } from '#kafka';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { BatchBuilder, type BatchIdentity } from '../batch/index.js';
import { outgoing } from '../batch/fixtures.js';
import { retry } from '../retry.js';
import {
  addOffsetsToTxn, addPartitionsToTxn, createTopics, deleteGroups, deleteRecords, deleteTopics, describeConfigs, describeGroups, describeProducers, describeTransactions, endTxn, fetch, initProducerId, KafkaClient,
  listGroups, listOffsets, listTransactions, offsetCommit, offsetDelete, offsetFetch, produce, txnOffsetCommit, type KafkaNode, type KafkaRequest,
} from './index.js';

const { bootstrap, describe } = await sharedKafka();
const NOBODY: BatchIdentity = { producerId: -1, producerEpoch: -1, baseSequence: -1 };
const TIMESTAMP = 1_700_000_000_000;

function batchOf(count: number, bytes: number, identity = NOBODY, transactional = false): Uint8Array {
  const builder = new BatchBuilder(10_000_000);
  builder.append(outgoing(Array.from({ length: count }, () => ({ value: Buffer.alloc(bytes, 'v') })), TIMESTAMP), 0);
  return builder.seal({ ...identity, transactional });
}

describe('the Kafka client on a broker', () => {
  let client: KafkaClient;
  beforeAll(async () => {
    client = await KafkaClient.connect({ brokers: bootstrap.split(','), clientId: 'client-test' });
  });
  afterAll(() => client.close());

  const send = <T>(node: KafkaNode, request: KafkaRequest<T>): Promise<T> => retry(() => node.send(request), { patience: 20_000, what: request.api.name });

  /** A topic of two partitions, and the node that leads them and knows it: it hears of a topic a little later than its metadata say. */
  async function newTopic(): Promise<{ topic: string; topicId: string; node: KafkaNode }> {
    const topic = `client-${randomUUID()}`;
    expect(await client.controller().send(createTopics([{ topic, partitions: 2, configs: { 'retention.ms': '-1' } }], 10_000))).toEqual([{ topic, errorCode: 0, reason: null }]);
    await vi.waitFor(async () => {
      await client.refresh([topic]);
      expect([client.leader(topic, 0), client.leader(topic, 1)]).not.toContain(undefined);
    }, 10_000);
    const node = client.node(client.leader(topic, 0) ?? -1, 'data');
    const ends = [0, 1].map((partition) => ({ topic, partition, at: 'latest' as const }));
    await vi.waitFor(async () => expect(await node.send(listOffsets(ends, 'read_committed'))).toMatchObject([{ errorCode: 0 }, { errorCode: 0 }]), 10_000);
    return { topic, topicId: client.topicId(topic)!, node };
  }

  it('knows the cluster, and no topic that is not there', async () => {
    expect(client.clusterId).toMatch(/^[\w-]{22}$/);
    expect(client.nodeIds.length).toBeGreaterThan(0);
    const topic = `client-${randomUUID()}`;
    expect(await client.metadata([topic])).toEqual(new Map());
    expect(await client.metadata([topic])).toEqual(new Map()); // the first question did not create it
    await expect(client.metadata(['no/topic'])).rejects.toMatchObject({ kind: 'protocol', code: 'INVALID_TOPIC_EXCEPTION' });
  });

  it('creates, describes and deletes topics', async () => {
    const { topic } = await newTopic();
    const again = await client.controller().send(createTopics([{ topic, partitions: 1 }, { topic: 'no/topic', partitions: 1 }], 10_000));
    expect(again.find((each) => each.topic === topic)).toMatchObject({ errorCode: 36, reason: expect.stringContaining('already exists') });
    expect(again.find((each) => each.topic === 'no/topic')).toMatchObject({ errorCode: 17 });
    const [described] = await client.controller().send(describeConfigs([{ type: 'topic', name: topic, keys: ['retention.ms', 'cleanup.policy'] }]));
    expect(described).toMatchObject({ name: topic, errorCode: 0, configs: new Map([['retention.ms', '-1'], ['cleanup.policy', 'delete']]) });
    const [id = 0] = client.nodeIds;
    const [broker] = await client.node(id).send(describeConfigs([{ type: 'broker', name: String(id), keys: ['node.id'] }]));
    expect(broker?.configs).toEqual(new Map([['node.id', String(id)]]));
    expect(await client.controller().send(deleteTopics([topic, 'client-none'], 10_000))).toEqual(expect.arrayContaining([{ topic, errorCode: 0, reason: null }, { topic: 'client-none', errorCode: 3, reason: null }]));
    await vi.waitFor(async () => expect(await client.metadata([topic])).toEqual(new Map()), 10_000);
    expect(client.leader(topic, 0)).toBeUndefined();
  });

  it('appends records, finds and reads them, and deletes them', async () => {
    const { topic, topicId, node } = await newTopic();
    const done = { topic, errorCode: 0, reason: null, baseOffset: 0, logAppendTime: -1, logStartOffset: 0 };
    const produced = await node.send(produce({ transactionalId: null, timeout: 5_000, batches: [{ topic, partition: 0, records: batchOf(3, 10) }, { topic, partition: 1, records: batchOf(1, 10) }, { topic: 'client-none', partition: 0, records: batchOf(1, 1) }] }));
    expect(produced).toEqual(expect.arrayContaining([{ ...done, partition: 0 }, { ...done, partition: 1 }, expect.objectContaining({ topic: 'client-none', errorCode: 3 })]));

    const offset = async (at: 'earliest' | 'latest' | number) => (await node.send(listOffsets([{ topic, partition: 0, at }], 'read_committed')))[0];
    expect(await offset('earliest')).toEqual({ topic, partition: 0, errorCode: 0, offset: 0, timestamp: -1 });
    expect(await offset('latest')).toMatchObject({ offset: 3 });
    expect(await offset(TIMESTAMP)).toMatchObject({ offset: 0, timestamp: TIMESTAMP });
    expect(await offset(TIMESTAMP + 1)).toMatchObject({ offset: -1 });

    const read = { isolation: 'read_committed', maxWait: 5_000, minBytes: 1, maxBytes: 1_000_000 } as const;
    const fetched = await node.send(fetch({ ...read, partitions: [{ topic, topicId, partition: 0, offset: 0, maxBytes: 1_000_000 }, { topic, topicId, partition: 1, offset: 7, maxBytes: 1_000_000 }] }));
    const [found, outside] = [...fetched].sort((a, b) => a.partition - b.partition);
    expect(found).toMatchObject({ topic, partition: 0, errorCode: 0, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0, abortedTransactions: [] });
    expect(found?.records.length).toBe(batchOf(3, 10).length);
    expect(outside).toMatchObject({ partition: 1, errorCode: 1, highWatermark: -1 });

    expect(await node.send(deleteRecords([{ topic, partition: 0, before: 2 }, { topic, partition: 1, before: 'end' }], 5_000))).toEqual(
      expect.arrayContaining([{ topic, partition: 0, errorCode: 0, lowWatermark: 2 }, { topic, partition: 1, errorCode: 0, lowWatermark: 1 }]),
    );
    expect(await offset('earliest')).toMatchObject({ offset: 2 });
  });

  it('writes a megabyte many times over and reads megabytes in one answer', async () => {
    const { topic, topicId, node } = await newTopic();
    const records = batchOf(1_000, 1_000);
    const produced = await Promise.all(Array.from({ length: 8 }, () => node.send(produce({ transactionalId: null, timeout: 10_000, batches: [{ topic, partition: 0, records }] }))));
    expect(produced.flat().map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual(Array.from({ length: 8 }, (_, i) => [0, 1_000 * i]));
    const [fetched] = await node.send(fetch({ isolation: 'read_uncommitted', maxWait: 5_000, minBytes: 1, maxBytes: 64_000_000, partitions: [{ topic, topicId, partition: 0, offset: 0, maxBytes: 64_000_000 }] }));
    expect(fetched?.records.length).toBe(8 * records.length);
    // Offset and leader epoch are the broker's, the rest is as it was sent.
    for (let at = 0, i = 0; i < 8; i++, at += records.length) {
      expect(fetched?.records.readBigInt64BE(at)).toBe(BigInt(1_000 * i));
      expect(fetched?.records.subarray(at + 16, at + records.length).equals(records.subarray(16))).toBe(true);
    }
  });

  it('keeps offsets of groups', async () => {
    const group = `client-${randomUUID()}`;
    const { topic } = await newTopic();
    const node = await client.groupCoordinator(group);
    expect(await send(node, offsetFetch(group, [{ topic, partition: 0 }]))).toEqual([{ topic, partition: 0, errorCode: 0, offset: -1, metadata: '' }]);
    expect(await node.send(offsetCommit(group, [{ topic, partition: 0, offset: 5, metadata: 'm' }, { topic, partition: 1, offset: 6 }]))).toEqual([{ topic, partition: 0, errorCode: 0 }, { topic, partition: 1, errorCode: 0 }]);
    expect(await node.send(offsetFetch(group))).toEqual(expect.arrayContaining([{ topic, partition: 0, errorCode: 0, offset: 5, metadata: 'm' }, { topic, partition: 1, errorCode: 0, offset: 6, metadata: '' }]));
    expect(await node.send(offsetDelete(group, [{ topic, partition: 0 }]))).toEqual([{ topic, partition: 0, errorCode: 0 }]);
    expect(await node.send(offsetFetch(group, [{ topic, partition: 0 }]))).toMatchObject([{ offset: -1 }]);
    expect(await node.send(describeGroups([group]))).toEqual([{ group, errorCode: 0, state: 'Empty', members: [] }]);
    expect(await node.send(listGroups(['Empty']))).toContainEqual(expect.objectContaining({ group, state: 'Empty' }));
    expect(await node.send(deleteGroups([group, `${group}-none`]))).toEqual(expect.arrayContaining([{ group, errorCode: 0 }, { group: `${group}-none`, errorCode: 69 }]));
    expect(await node.send(describeGroups([group]))).toMatchObject([{ state: 'Dead' }]);
  });

  it('gives identities to plain producers, whose doubled batches are taken once', async () => {
    const { topic, node } = await newTopic();
    const identity = { ...(await send(node, initProducerId({ transactionalId: null, transactionTimeout: 10_000 }))), baseSequence: 0 };
    const request = produce({ transactionalId: null, timeout: 5_000, batches: [{ topic, partition: 0, records: batchOf(3, 10, identity) }] });
    expect(await node.send(request)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(await node.send(request)).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    expect(await node.send(produce({ transactionalId: null, timeout: 5_000, batches: [{ topic, partition: 0, records: batchOf(3, 10, { ...identity, baseSequence: 9 }) }] }))).toMatchObject([{ errorCode: 45 }]);
    expect(await node.send(describeProducers([{ topic, partition: 0 }]))).toMatchObject([{ errorCode: 0, producers: [{ producerId: identity.producerId, producerEpoch: identity.producerEpoch, lastSequence: 2, transactionStart: -1 }] }]);
  });

  it('commits records and offsets in one transaction, and fences who held the id before', async () => {
    const { topic, topicId, node } = await newTopic();
    const group = `client-${randomUUID()}`, transactionalId = `client-${randomUUID()}`;
    const [coordinator, ofGroup] = await Promise.all([client.transactionCoordinator(transactionalId), client.groupCoordinator(group)]);
    const producer = { transactionalId, ...(await send(coordinator, initProducerId({ transactionalId, transactionTimeout: 10_000 }))) };
    expect(await coordinator.send(addPartitionsToTxn(producer, [{ topic, partition: 0 }]))).toEqual([{ topic, partition: 0, errorCode: 0 }]);
    expect(await node.send(produce({ transactionalId, timeout: 5_000, batches: [{ topic, partition: 0, records: batchOf(2, 10, { ...producer, baseSequence: 0 }, true) }] }))).toMatchObject([{ errorCode: 0, baseOffset: 0 }]);
    await coordinator.send(addOffsetsToTxn(producer, group));
    await vi.waitFor(async () => expect(await ofGroup.send(txnOffsetCommit(producer, group, [{ topic, partition: 1, offset: 4 }]))).toEqual([{ topic, partition: 1, errorCode: 0 }]), 10_000);

    expect(await ofGroup.send(offsetFetch(group, [{ topic, partition: 1 }]))).toMatchObject([{ errorCode: 88 }]);
    expect(await coordinator.send(listTransactions(['Ongoing']))).toContainEqual({ transactionalId, producerId: producer.producerId, state: 'Ongoing' });
    const [described] = await coordinator.send(describeTransactions([transactionalId]));
    expect(described).toMatchObject({ errorCode: 0, state: 'Ongoing', timeout: 10_000, producerEpoch: producer.producerEpoch, partitions: expect.arrayContaining([{ topic, partition: 0 }]) });
    expect(await node.send(describeProducers([{ topic, partition: 0 }]))).toMatchObject([{ producers: [{ transactionStart: 0 }] }]);
    expect(await node.send(listOffsets([{ topic, partition: 0, at: 'latest' }], 'read_committed'))).toMatchObject([{ offset: 0 }]);

    await coordinator.send(endTxn(producer, 'commit'));
    await vi.waitFor(async () => expect(await ofGroup.send(offsetFetch(group, [{ topic, partition: 1 }]))).toMatchObject([{ errorCode: 0, offset: 4 }]), 10_000);
    await vi.waitFor(async () => expect(await node.send(listOffsets([{ topic, partition: 0, at: 'latest' }], 'read_committed'))).toMatchObject([{ offset: 3 }]), 10_000);

    await vi.waitFor(async () => expect(await coordinator.send(addPartitionsToTxn(producer, [{ topic, partition: 0 }]))).toMatchObject([{ errorCode: 0 }]), 10_000);
    expect(await node.send(produce({ transactionalId, timeout: 5_000, batches: [{ topic, partition: 0, records: batchOf(2, 10, { ...producer, baseSequence: 2 }, true) }] }))).toMatchObject([{ errorCode: 0, baseOffset: 3 }]);
    const next = { transactionalId, ...(await send(coordinator, initProducerId({ transactionalId, transactionTimeout: 10_000 }))) };
    expect(next.producerEpoch).toBeGreaterThan(producer.producerEpoch);
    const fetched = await node.send(fetch({ isolation: 'read_committed', maxWait: 100, minBytes: 1, maxBytes: 1_000_000, partitions: [{ topic, topicId, partition: 0, offset: 3, maxBytes: 1_000_000 }] }));
    expect(fetched).toMatchObject([{ abortedTransactions: [{ producerId: producer.producerId, firstOffset: 3 }] }]);
    await expect(coordinator.send(endTxn(producer, 'commit'))).rejects.toMatchObject({ kind: 'protocol', code: 'PRODUCER_FENCED', retriable: false, place: { transactionalId } });
    const bumped = await send(coordinator, initProducerId({ transactionalId, transactionTimeout: 10_000, current: next }));
    expect(bumped).toEqual({ producerId: next.producerId, producerEpoch: next.producerEpoch + 1 });
  });
});
