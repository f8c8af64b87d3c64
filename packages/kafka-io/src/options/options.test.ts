import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { kafkaOptions, kafkaPortOptions, parseKafkaLocation, resolveSettings } from './index.js';

const plain = parseKafkaLocation('kafka://b1:1,b2:2');
const secure = parseKafkaLocation('kafkas://b:1');
const resolve = (options: unknown, environment: Record<string, string> = {}, location = plain) => resolveSettings(location, kafkaOptions.parse(options), { environment });

describe('options of the Kafka backend', () => {
  it('has a default for each', () => {
    expect(resolve({})).toMatchObject({
      client: { brokers: ['b1:1', 'b2:2'], clientId: 'millrace', sasl: undefined, tls: undefined },
      producer: { lingerMs: 2, compression: 'none', transactionTimeout: 10_000 },
      fetch: { maxWait: 500, isolation: 'read_committed' },
      topic: { prefix: '' },
      fencing: true,
      offsetReset: 'fail',
      protocol: 'millrace',
      initialDataConsumerTimeoutInMs: 10_000,
      dataConsumerTimeoutInMs: 5_000,
      statusConsumerTimeoutInMs: 1_000,
    });
  });

  it('takes those that are given, and leaves the others of their group', () => {
    const settings = resolve({ client: { clientId: 'mine' }, producer: { lingerMs: 0, compression: 'zstd', batchBytes: undefined }, topic: { configs: { 'retention.ms': 60_000 } }, fencing: false });
    expect(settings).toMatchObject({ client: { clientId: 'mine' }, producer: { lingerMs: 0, compression: 'zstd', batchBytes: 524_288 }, topic: { configs: { 'retention.ms': '60000' } }, fencing: false });
  });

  it.each([
    [{ acks: 1 }, 'acks'],
    [{ producer: { acks: 1 } }, 'acks'],
    [{ producer: { lingerMs: -1 } }, 'lingerMs'],
    [{ producer: { compression: 'snappy' } }, 'compression'],
    [{ fetch: { maxBytes: 1.5 } }, 'maxBytes'],
    [{ topic: { prefix: 'a/b' } }, 'prefix'],
    [{ topic: { replicationFactor: 0 } }, 'replicationFactor'],
    [{ offsetReset: 'none' }, 'offsetReset'],
    [{ client: { sasl: { mechanism: 'plain', username: 'u' } } }, 'password'],
    [{ client: { sasl: { mechanism: 'gssapi', username: 'u', password: 'p' } } }, 'mechanism'],
  ])('refuses %j', (options, named) => {
    expect(() => kafkaOptions.parse(options)).toThrow(named);
  });

  it.each([
    [{ producer: { lingerMs: 0 } }, 'producer'],
    [{ fetch: { isolation: 'read_uncommitted', maxWait: 5 } }, 'maxWait'],
    [{ topic: { prefix: 'a.' } }, 'prefix'],
  ])('refuses %j of a port alone, and says where it belongs', (options, named) => {
    expect(() => kafkaPortOptions.parse(options)).toThrow(`${named}: what all ports of a connection share is said by connect of orchestrate, or by defaults.ports.backend`);
  });

  it('takes from a port what concerns it alone', () => {
    const options = { fetch: { isolation: 'read_uncommitted' }, topic: { replicationFactor: 1, configs: { 'retention.ms': 5 } }, offsetReset: 'latest' };
    expect(kafkaPortOptions.parse(options)).toEqual({ ...options, topic: { replicationFactor: 1, configs: { 'retention.ms': '5' } } });
  });

  it('takes the prefix from the location or the options, not two that differ', () => {
    const prefixed = parseKafkaLocation('kafka://b:1?prefix=a.&protocol=pypz');
    expect(resolve({}, {}, prefixed)).toMatchObject({ topic: { prefix: 'a.' }, protocol: 'pypz' });
    expect(resolve({ topic: { prefix: 'a.' } }, {}, prefixed).topic.prefix).toBe('a.');
    expect(resolve({ topic: { prefix: 'b.' } }).topic.prefix).toBe('b.');
    expect(() => resolve({ topic: { prefix: 'b.' } }, {}, prefixed)).toThrow('MILLRACE_OPTION_INVALID');
  });
});

describe('credentials for Kafka', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-options-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const pem = (what: string) => `-----BEGIN ${what}-----\nAA==\n-----END ${what}-----\n`;
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, pem('CERTIFICATE'));
  const all = { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-256', KAFKA_USERNAME: 'alice', KAFKA_PASSWORD: 's3cret' };

  it('come from the environment', () => {
    expect(resolve({}, all).client.sasl).toEqual({ mechanism: 'scram-sha-256', username: 'alice', password: 's3cret' });
  });

  it('come from the options first', () => {
    const sasl = { mechanism: 'plain', username: 'bob', password: 'x' };
    expect(resolve({ client: { sasl } }, all).client.sasl).toEqual(sasl);
  });

  it.each(Object.keys(all))('are not complete without %s', (name) => {
    expect(() => resolve({}, { ...all, [name]: '' })).toThrow(`MILLRACE_OPTION_INVALID: ${name} is not set`);
  });

  it('name a mechanism that is known', () => {
    expect(() => resolve({}, { ...all, KAFKA_SASL_MECHANISM: 'GSSAPI' })).toThrow('KAFKA_SASL_MECHANISM is "GSSAPI"; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are known');
  });

  it('are PEM text or files of it, with kafkas:// only', () => {
    const environment = { KAFKA_SSL_CA: ca, KAFKA_SSL_CERT: pem('CERTIFICATE'), KAFKA_SSL_KEY: pem('PRIVATE KEY') };
    expect(resolve({}, environment, secure).client.tls).toEqual({ ca: pem('CERTIFICATE'), cert: pem('CERTIFICATE'), key: pem('PRIVATE KEY') });
    expect(resolve({}, environment).client.tls).toBeUndefined();
    expect(resolve({}, {}, secure).client.tls).toEqual({});
    expect(resolve({ client: { tls: { ca: 'x-----BEGIN y', servername: 's' } } }, environment, secure).client.tls).toMatchObject({ ca: 'x-----BEGIN y', servername: 's', cert: pem('CERTIFICATE') });
    expect(() => resolve({ client: { tls: { ca } } })).toThrow('write kafkas:// instead of kafka://');
  });

  it('say what is wrong without repeating it', () => {
    expect(() => resolve({}, { KAFKA_SSL_CERT: pem('CERTIFICATE') }, secure)).toThrow('a client certificate and its key belong together');
    expect(() => resolve({}, { KAFKA_SSL_KEY: 'MIIEvQ==' }, secure)).toThrow(/^MILLRACE_OPTION_INVALID: KAFKA_SSL_KEY is neither PEM text nor a file that can be read \(ENOENT\)$/);
  });
});
