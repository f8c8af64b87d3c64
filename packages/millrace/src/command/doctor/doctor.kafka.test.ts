import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ownKafka } from '#kafka';
import { startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { command } from '../command.js';
import type { Finding } from './checks.js';

const { describe } = await ownKafka();
const PASSWORD = 's3cret-of-both';

describe('millrace doctor on a secured broker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-doctor-'));
  const caFile = join(folder, 'ca.pem');
  let cluster: KafkaCluster;

  beforeAll(async () => {
    cluster = await startKafka({
      listeners: ['tls', 'mutualTls', 'sasl', 'saslTls'],
      users: { alice: PASSWORD, bob: PASSWORD },
      superUsers: ['User:alice', 'User:CN=client'],
    });
    writeFileSync(caFile, cluster.certificates!.ca);
  }, 120_000);
  afterAll(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What it found of a listener, without what it found of the machine. */
  async function examined(scheme: 'kafka' | 'kafkas', listener: Parameters<KafkaCluster['address']>[0], env: Readonly<Record<string, string>> = {}): Promise<{ readonly code: number; readonly found: readonly (readonly [string, Finding['status'], string])[] }> {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const location = `${scheme}://${cluster.address(listener)}`;
    const streams = { out: new PassThrough(), err: new PassThrough() };
    const code = await command(['doctor', location, '--write', '--format', 'json'], streams);
    streams.out.end();
    const json = await text(streams.out);
    expect(json).not.toContain('s3cret');
    const findings = (JSON.parse(json) as readonly Finding[]).filter(({ check }) => check.includes(cluster.address(listener)));
    return { code, found: findings.map(({ check, status, found, remedy = '' }) => [check.split(' ')[0]!, status, `${found}; ${remedy}`]) };
  }
  const as = (user: string, password = PASSWORD): Readonly<Record<string, string>> => ({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', KAFKA_USERNAME: user, KAFKA_PASSWORD: password });
  const like = (pattern: RegExp): string => expect.stringMatching(pattern) as string;
  const REACHED = ['broker', 'ok', like(/^reached in/)];
  // Certificates of tests are good for a day.
  const TRUSTED = ['TLS', 'warning', like(/^TLSv1\.3, the certificate is good until 20.*; renew/)];
  const WELL = [['location', 'ok', like(/^connected .*transactions/)], ['permissions', 'ok', like(/^a channel was made/)]];

  it.each([
    ['from a file', () => ({ KAFKA_SSL_CA: caFile })],
    ['as text', () => ({ KAFKA_SSL_CA: cluster.certificates!.ca })],
  ])('is content with the authority %s', async (_how, env) => {
    expect(await examined('kafkas', 'tls', env())).toEqual({ code: 0, found: [REACHED, TRUSTED, ...WELL] });
  });

  it.each<readonly [string, () => Readonly<Record<string, string>>, RegExp]>([
    ['is not given', () => ({}), /^unable to verify the first certificate; .*KAFKA_SSL_CA$/],
    ['is another', () => ({ KAFKA_SSL_CA: cluster.certificates!.client.cert }), /^unable to verify.*KAFKA_SSL_CA$/],
    ['is in no file', () => ({ KAFKA_SSL_CA: join(folder, 'nowhere.pem') }), /KAFKA_SSL_CA is neither PEM text nor a file/],
  ])('says once what to do where the authority %s', async (_how, env, message) => {
    expect(await examined('kafkas', 'tls', env())).toEqual({ code: 1, found: [REACHED, ['TLS', 'failed', like(message)]] });
  });

  it('names the other scheme where it is the wrong one', async () => {
    expect(await examined('kafka', 'tls')).toEqual({ code: 1, found: [REACHED, ['location', 'failed', like(/speaks TLS \(kafkas:\/\/\)/)]] });
    expect(await examined('kafkas', 'plain')).toEqual({ code: 1, found: [REACHED, ['TLS', 'failed', like(/kafka:\/\/ instead of kafkas:\/\/$/)]] });
  });

  it('shows a certificate of its own, and asks for it where it is missing', async () => {
    expect(await examined('kafkas', 'mutualTls', { KAFKA_SSL_CA: caFile })).toEqual({ code: 1, found: [REACHED, TRUSTED, ['location', 'failed', like(/KAFKA_SSL_CERT/)]] });
    const { cert, key } = cluster.certificates!.client;
    expect(await examined('kafkas', 'mutualTls', { KAFKA_SSL_CERT: cert })).toEqual({ code: 1, found: [REACHED, ['TLS', 'failed', like(/KAFKA_SSL_CERT and KAFKA_SSL_KEY/)]] });
    expect(await examined('kafkas', 'mutualTls', { KAFKA_SSL_KEY: key })).toEqual({ code: 0, found: [REACHED, TRUSTED, ...WELL] });
  });

  it('tells who one is by SASL: right, wrong, without rights, nobody', async () => {
    const tls = { KAFKA_SSL_CA: caFile };
    expect(await examined('kafkas', 'saslTls', tls)).toEqual({ code: 1, found: [REACHED, TRUSTED, ['location', 'failed', like(/SASL \(KAFKA_SASL_MECHANISM\)/)]] });
    expect(await examined('kafkas', 'saslTls', as('alice'))).toEqual({ code: 0, found: [REACHED, TRUSTED, ...WELL] });
    expect(await examined('kafkas', 'saslTls', as('alice', 's3cret-but-wrong'))).toEqual({ code: 1, found: [REACHED, TRUSTED, ['location', 'failed', like(/authentication failed.*KAFKA_USERNAME and KAFKA_PASSWORD/)]] });
    expect(await examined('kafka', 'sasl', as('bob'))).toEqual({ code: 1, found: [REACHED, WELL[0], ['permissions', 'failed', like(/^cannot create a channel: .*User:bob lacks/)]] });
  });
});
