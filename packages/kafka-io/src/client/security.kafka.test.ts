import { ownKafka } from '#kafka';
import type { Logger } from '@millrace/core';
import { startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { addPartitionsToTxn, createTopics, fetch, initProducerId, KafkaClient, listTransactions, type ClientOptions } from './index.js';

const { describe } = await ownKafka();
const PASSWORD = 's3cret-of-alice';

describe('the Kafka client on a secured broker', () => {
  let cluster: KafkaCluster;
  let admin: KafkaClient;
  let ca = '';
  const open: KafkaClient[] = [];
  const logged: string[] = [];
  const logger: Logger = { debug: (fields, message) => void logged.push(JSON.stringify([fields, message])), info: vi.fn(), warn: vi.fn(), error: vi.fn(), child: () => logger };

  beforeAll(async () => {
    cluster = await startKafka({
      listeners: ['tls', 'mutualTls', 'sasl', 'saslTls'],
      users: { alice: PASSWORD },
      superUsers: [],
      config: { 'listener.name.sasl.scram-sha-256.connections.max.reauth.ms': '2000' },
    });
    ca = cluster.certificates?.ca ?? '';
    admin = await KafkaClient.connect({ brokers: [cluster.bootstrap], clientId: 'admin' });
    await admin.controller().send(createTopics([{ topic: 'orders', partitions: 1 }], 10_000));
    await vi.waitFor(async () => expect((await admin.metadata(['orders'])).size).toBe(1), 10_000);
  }, 120_000);
  afterEach(() => Promise.all(open.splice(0).map((client) => client.close())));
  afterAll(async () => {
    await admin?.close();
    await cluster?.close();
  });

  async function connect(listener: Parameters<KafkaCluster['address']>[0], options: Partial<ClientOptions>): Promise<KafkaClient> {
    const client = await KafkaClient.connect({ brokers: [cluster.address(listener)], clientId: 'secured', logger, ...options });
    open.push(client);
    return client;
  }
  const alice = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', password = PASSWORD): ClientOptions['sasl'] => ({ mechanism, username: 'alice', password });

  it('trusts the authority that it was given, and no broker without one', async () => {
    expect((await connect('tls', { tls: { ca } })).clusterId).toBe(admin.clusterId);
    await expect(connect('tls', { tls: {} })).rejects.toMatchObject({ kind: 'authentication', retriable: false, message: expect.stringMatching(/TLS failed: .*certificate/) });
    await expect(connect('tls', { tls: { ca, servername: 'elsewhere' } })).rejects.toMatchObject({ kind: 'authentication', message: expect.stringContaining('elsewhere') });
  });

  it('says so where the listener speaks TLS and the client does not, or the other way', async () => {
    await expect(connect('tls', {})).rejects.toThrow(/TLS \(kafkas:\/\/\)/);
    await expect(connect('plain', { tls: {}, connectionTimeout: 3_000 })).rejects.toThrow(/TLS|no connection/);
  });

  it('shows a certificate of its own where brokers want one', async () => {
    const client = await connect('mutualTls', { tls: { ca, ...cluster.certificates?.client } });
    await expect(client.metadata(['orders'])).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' });
    await expect(connect('mutualTls', { tls: { ca } })).rejects.toMatchObject({ name: 'KafkaError', message: expect.stringMatching(/TLS failed.*certificate|closed the connection/s) });
  });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('proves who it is by %s, over TLS and without', async (mechanism) => {
    expect((await connect('saslTls', { tls: { ca }, sasl: alice(mechanism) })).clusterId).toBe(admin.clusterId);
    expect((await connect('sasl', { sasl: alice(mechanism) })).clusterId).toBe(admin.clusterId);
    const wrong = connect('sasl', { sasl: alice(mechanism, 's3cret-but-wrong') });
    await expect(wrong).rejects.toMatchObject({ kind: 'authentication', retriable: false, place: { principal: 'User:alice' } });
    await expect(wrong).rejects.toThrow(/^(?!.*s3cret)/s);
    expect(logged.length).toBeGreaterThan(0);
    expect(logged.join('\n')).not.toMatch(new RegExp(`s3cret|${Buffer.from(PASSWORD).toString('base64').slice(0, 12)}`));
  });

  it('says so where the listener wants SASL and the client has none', async () => {
    await expect(connect('sasl', {})).rejects.toMatchObject({ kind: 'connection', message: expect.stringContaining('its listener may want TLS (kafkas://) or SASL') });
  });

  it('authenticates again and again while requests go on, over one connection', async () => {
    const client = await connect('sasl', { sasl: alice('scram-sha-256') });
    const node = client.node(1, 'busy');
    const ask = () => node.send(listTransactions());
    await ask();
    const count = (what: RegExp): number => logged.filter((line) => what.test(line)).length;
    const [connections, logins] = [count(/"Connecting"/), count(/authentication successful/)];
    while (count(/authentication successful/) < logins + 3) {
      expect(await Promise.all([ask(), ask(), ask()])).toEqual([[], [], []]);
    }
    expect(count(/"Connecting"/)).toBe(connections);
  });

  it('names principal, operation and resource that an ACL would have to allow', async () => {
    const client = await connect('sasl', { sasl: alice('plain') });
    await expect(client.metadata(['orders'])).rejects.toThrow('TOPIC_AUTHORIZATION_FAILED: User:alice lacks Describe on topic "orders"');
    await expect(client.groupCoordinator('billing')).rejects.toThrow('GROUP_AUTHORIZATION_FAILED: User:alice lacks Describe on group "billing"');
    await expect(client.transactionCoordinator('p.o#0')).rejects.toThrow('TRANSACTIONAL_ID_AUTHORIZATION_FAILED: User:alice lacks Describe on transactional id "p.o#0"');
    await expect(client.node(1).send(initProducerId({ transactionalId: 'p.o#0', transactionTimeout: 10_000 }))).rejects.toThrow('TRANSACTIONAL_ID_AUTHORIZATION_FAILED: User:alice lacks Write on transactional id "p.o#0"');
    await expect(client.node(1).send(initProducerId({ transactionalId: null, transactionTimeout: 10_000 }))).rejects.toThrow('CLUSTER_AUTHORIZATION_FAILED: User:alice lacks IdempotentWrite on cluster');
    const producer = { transactionalId: 'p.o#0', producerId: 1, producerEpoch: 0 };
    expect(await client.node(1).send(addPartitionsToTxn(producer, [{ topic: 'orders', partition: 0 }]))).toMatchObject([{ errorCode: 53 }]);
    expect(await client.node(1).send(fetch({ isolation: 'read_committed', maxWait: 0, minBytes: 0, maxBytes: 1, partitions: [{ topic: 'orders', topicId: admin.topicId('orders')!, partition: 0, offset: 0, maxBytes: 1 }] }))).toMatchObject([{ errorCode: 29 }]);
  });
});
