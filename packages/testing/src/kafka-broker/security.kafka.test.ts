import { ownKafka } from '#kafka';
import type { SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeCertificates } from './certificates.js';
import { startKafka, type KafkaCluster } from './cluster.js';
import { client, createTopic, read, send } from './fixtures.js';

const { describe } = await ownKafka();

const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const login = (mechanism: (typeof MECHANISMS)[number], username: string, password: string) => ({ mechanism, username, password }) as SASLOptions;

describe('listeners', () => {
  let cluster: KafkaCluster;
  let tls: { ca: string[]; servername: string };
  beforeAll(async () => {
    cluster = await startKafka({
      listeners: ['tls', 'mutualTls', 'sasl', 'saslTls'],
      users: { admin: 'the "first"; pass\\word', bob: 'builder' },
      superUsers: ['User:admin', 'User:CN=client'],
    });
    tls = { ca: [cluster.certificates?.ca ?? ''], servername: 'localhost' };
    await createTopic(client(cluster.bootstrap), 'secured');
    await send(client(cluster.bootstrap), 'secured', 'one');
  });
  afterAll(() => cluster?.close());

  it('of TLS show a certificate of the authority that the cluster names', async () => {
    expect(await read(client(cluster.address('tls'), { ssl: tls }), 'secured', 1)).toEqual(['one']);
    const stranger = client(cluster.address('tls'), { ssl: { ...tls, ca: [makeCertificates().ca] }, retry: { retries: 0 } });
    await expect(stranger.admin().connect()).rejects.toThrow(/certificate/);
  });

  it('of mutual TLS take the client that the authority signed, and no other', async () => {
    const { client: identity } = cluster.certificates ?? makeCertificates();
    expect(await read(client(cluster.address('mutualTls'), { ssl: { ...tls, ...identity } }), 'secured', 1)).toEqual(['one']);
    for (const other of [{}, makeCertificates().client]) {
      await expect(createTopic(client(cluster.address('mutualTls'), { ssl: { ...tls, ...other }, retry: { retries: 0 } }), 'never')).rejects.toThrow();
    }
  });

  it.each(MECHANISMS)('of SASL take a password by %s, with and without TLS', async (mechanism) => {
    const sasl = login(mechanism, 'admin', 'the "first"; pass\\word');
    expect(await read(client(cluster.address('sasl'), { sasl }), 'secured', 1)).toEqual(['one']);
    expect(await read(client(cluster.address('saslTls'), { sasl, ssl: tls }), 'secured', 1)).toEqual(['one']);
    const wrong = client(cluster.address('sasl'), { sasl: login(mechanism, 'admin', 'guessed'), retry: { retries: 0 } });
    await expect(wrong.admin().connect()).rejects.toThrow(/[Aa]uthentication/);
  });

  it('let nobody but the super users do what no ACL allows', async () => {
    const bob = client(cluster.address('sasl'), { sasl: login('plain', 'bob', 'builder'), retry: { retries: 0 } });
    await expect(createTopic(bob, 'of-bob')).rejects.toMatchObject({ errors: [{ type: 'TOPIC_AUTHORIZATION_FAILED' }] });
    await cluster.tool('kafka-acls', ['--bootstrap-server', cluster.bootstrap, '--add', '--allow-principal', 'User:bob', '--operation', 'All', '--topic', 'of-bob']);
    await createTopic(bob, 'of-bob');
    await expect(send(bob, 'secured', 'two')).rejects.toThrow(/not authorized/i);
  });
});
