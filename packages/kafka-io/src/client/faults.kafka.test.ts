import { ownKafka } from '#kafka';
import { startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { retry } from '../retry.js';
import { BatchBuilder, laidOut } from '../batch/index.js';
import { batchOf } from '../fixtures.js';
import { nameOfError } from './error-codes.js';
import { createTopics, fetch, initProducerId, KafkaClient, produce, type KafkaNode } from './index.js';

const { describe } = await ownKafka();

describe('the Kafka client, when its broker', () => {
  let cluster: KafkaCluster;
  let client: KafkaClient;
  let longPoll: () => Promise<unknown>;
  let data: KafkaNode;

  beforeAll(async () => {
    cluster = await startKafka();
    client = await KafkaClient.connect({ brokers: [cluster.bootstrap], clientId: 'faults-test', connectionTimeout: 2_000 });
    await client.controller().send(createTopics([{ topic: 't', partitions: 1 }], 10_000));
    await vi.waitFor(async () => expect((await client.metadata(['t'])).size).toBe(1), 10_000);
    data = client.node(1, 'data');
    const poll = client.node(1, 'fetch');
    longPoll = () => poll.send(fetch({ isolation: 'read_committed', maxWait: 30_000, minBytes: 1, maxBytes: 1_000, partitions: [{ topic: 't', topicId: client.topicId('t')!, partition: 0, offset: 0, maxBytes: 1_000 }] }), { timeout: 40_000 });
    await retry(() => client.groupCoordinator('g'), { patience: 20_000, what: 'the coordinator' });
  }, 120_000);
  afterAll(async () => {
    await client?.close();
    await cluster?.close();
  });

  const alive = (): Promise<unknown> => retry(() => client.metadata(['t']), { patience: 30_000, what: 'metadata' });

  it('dies, rejects what is under way at once, and finds it again after its restart', async () => {
    const [broker] = cluster.brokers;
    const poll = longPoll().catch((error: unknown) => error);
    await data.send(fetch({ isolation: 'read_committed', maxWait: 0, minBytes: 0, maxBytes: 1, partitions: [] }));
    const since = performance.now();
    await broker?.kill();
    expect(await poll).toMatchObject({ name: 'KafkaError', kind: 'connection', retriable: true, place: { api: 'Fetch', broker: cluster.bootstrap } });
    expect(performance.now() - since).toBeLessThan(10_000); // not the 30 s of the poll
    await expect(client.metadata(['t'])).rejects.toMatchObject({ kind: 'connection', message: expect.stringContaining('ECONNREFUSED') });
    await broker?.restart();
    await alive();
  });

  it('is restarted in order, knows the last batch of a producer alone', async () => {
    const [broker] = cluster.brokers;
    const identity = await retry(() => data.send(initProducerId({ transactionalId: null, transactionTimeout: 0 })), { patience: 20_000, what: 'a producer id' });
    const [first, second] = [0, 1].map((baseSequence) => {
      const builder = new BatchBuilder(1_000);
      // Brokers forget producers by the timestamps of their batches.
      builder.append(laidOut({ ...batchOf(['x']), timestamp: Date.now() }), 0);
      return builder.seal({ ...identity, baseSequence, transactional: false });
    }) as [Uint8Array, Uint8Array];
    const store = async (records: Uint8Array): Promise<unknown> => {
      const [{ errorCode, baseOffset } = { errorCode: -1, baseOffset: -1 }] = await retry(() => data.send(produce({ transactionalId: null, timeout: 5_000, batches: [{ topic: 't', partition: 0, records }] })), { patience: 20_000, what: 'a batch' });
      return errorCode === 0 ? baseOffset : nameOfError(errorCode);
    };
    const stored = [await store(first), await store(second)];
    expect([await store(first), await store(second)]).toEqual(stored);
    await broker?.restart();
    await alive();
    await vi.waitFor(async () => expect([await store(first), await store(second)]).toEqual(['OUT_OF_ORDER_SEQUENCE_NUMBER', stored[1]]), 20_000);
  });

  it('freezes, waits no longer than it was told, and goes on when it thaws', async () => {
    const [broker] = cluster.brokers;
    await alive();
    await broker?.freeze();
    try {
      // The signal takes a moment to reach all of its threads.
      await vi.waitFor(() => expect(data.send(fetch({ isolation: 'read_committed', maxWait: 0, minBytes: 0, maxBytes: 1, partitions: [] }), { timeout: 300 })).rejects.toMatchObject({ kind: 'timeout' }), 10_000);
    } finally {
      await broker?.thaw();
    }
    await alive();
    expect(await retry(() => data.send(fetch({ isolation: 'read_committed', maxWait: 0, minBytes: 0, maxBytes: 1, partitions: [] })), { patience: 10_000, what: 'fetch' })).toEqual([]);
  });

  it('is in the middle of a long poll, closes without waiting for it', async () => {
    const other = await KafkaClient.connect({ brokers: [cluster.bootstrap], clientId: 'faults-test' });
    const poll = other.node(1, 'fetch').send(fetch({ isolation: 'read_committed', maxWait: 30_000, minBytes: 1, maxBytes: 1_000, partitions: [{ topic: 't', topicId: client.topicId('t')!, partition: 0, offset: 0, maxBytes: 1_000 }] })).catch((error: unknown) => error);
    await other.metadata(['t']);
    const since = performance.now();
    await other.close();
    expect(performance.now() - since).toBeLessThan(1_000);
    expect(await poll).toMatchObject({ kind: 'closed' });
  });
});
