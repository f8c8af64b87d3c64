import { describe, expect, it } from 'vitest';
import { capabilitiesOf, isPypz, parseKafkaLocation } from './location.js';

describe('locations of the Kafka backend', () => {
  const plain = { tls: false, topic: undefined, prefix: '', protocol: 'millrace', ports: undefined };

  it.each([
    ['kafka://b:9092', { ...plain, brokers: ['b:9092'], canonical: 'kafka://b:9092' }],
    ['kafka://b2:9092,b1:9093', { ...plain, brokers: ['b2:9092', 'b1:9093'], canonical: 'kafka://b1:9093,b2:9092' }],
    ['KAFKA://B:9092,b:9092', { ...plain, brokers: ['b:9092', 'b:9092'], canonical: 'kafka://b:9092' }],
    ['kafkas://b:9093/orders.eu_1-x', { ...plain, tls: true, topic: 'orders.eu_1-x', brokers: ['b:9093'], canonical: 'kafkas://b:9093' }],
    ['kafka://[::1]:9092', { ...plain, brokers: ['[::1]:9092'], canonical: 'kafka://[::1]:9092' }],
    ['kafka://b:1?protocol=pypz&prefix=acme.', { ...plain, prefix: 'acme.', protocol: 'pypz', brokers: ['b:1'], canonical: 'kafka://b:1?prefix=acme.&protocol=pypz' }],
    ['kafka://b:1?ports=sink.in,bridge.in,sink.in&protocol=pypz', { ...plain, protocol: 'pypz', ports: ['bridge.in', 'sink.in'], brokers: ['b:1'], canonical: 'kafka://b:1?protocol=pypz&ports=bridge.in,sink.in' }],
    ['kafka://b:1/alerts?protocol=pypz&ports=bridge.in', { ...plain, topic: 'alerts', protocol: 'pypz', ports: ['bridge.in'], brokers: ['b:1'], canonical: 'kafka://b:1?protocol=pypz&ports=bridge.in' }],
    ['kafka://b:1?prefix=', { ...plain, brokers: ['b:1'], canonical: 'kafka://b:1' }],
    ['kafka://b:1/t?protocol=millrace', { ...plain, topic: 't', brokers: ['b:1'], canonical: 'kafka://b:1' }],
  ])('%s', (location, expected) => {
    expect(parseKafkaLocation(location)).toEqual(expected);
    const again = parseKafkaLocation(expected.canonical);
    expect(again).toMatchObject({ tls: expected.tls, prefix: expected.prefix, protocol: expected.protocol, ports: expected.ports, canonical: expected.canonical });
  });

  it.each([
    ['memory:x', 'it is written kafka://host:port'],
    ['kafka:b:9092', 'it is written kafka://host:port'],
    ['kafka://', 'a broker is written host:port, not ""'],
    ['kafka://b', 'a broker is written host:port, not "b"'],
    ['kafka://b:9092,', 'a broker is written host:port, not ""'],
    ['kafka://b:0', 'a broker is written host:port'],
    ['kafka://b:65536', 'a broker is written host:port'],
    ['kafka://::1:9092', 'a broker is written host:port'],
    ['kafka://b:1/', 'the topic after "/" has no name'],
    ['kafka://b:1/a/b', 'the topic "a/b" may have'],
    ['kafka://b:1/..', 'no topic is called ".."'],
    [`kafka://b:1/${'x'.repeat(250)}`, 'the topic has 250 characters; Kafka allows 249'],
    ['kafka://b:1?acks=1', '"acks" is unknown; known are prefix, protocol, ports'],
    ['kafka://b:1?prefix=a&prefix=b', 'prefix stands twice'],
    ['kafka://b:1?prefix=a/b', 'the prefix "a/b"'],
    ['kafka://b:1/t?protocol=pypz', 'protocol=pypz is for the location of a pipeline'],
    ['kafka://b:1?ports=a.in', 'ports belongs to protocol=pypz'],
    ['kafka://b:1?protocol=pypz&ports=', 'ports names input ports as operator.port, with commas between, not ""'],
    ['kafka://b:1?protocol=pypz&ports=p.a.in', 'not "p.a.in"'],
    ['kafka://b:1?protocol=Pypz', 'protocol is pypz, or left out, not "Pypz"'],
  ])('refuses %s', (location, why) => {
    expect(() => parseKafkaLocation(location)).toThrow(expect.objectContaining({ code: 'MILLRACE_LOCATION_INVALID' }));
    expect(() => parseKafkaLocation(location)).toThrow(why);
  });

  it.each(['kafka://alice:s3cret@b:9092', 'kafka://b:1?sasl_password=s3cret', 'kafka://alice:s3cret@b:9092?x=y'])('never shows a secret of %s', (location) => {
    expect(() => parseKafkaLocation(location)).toThrow(/^(?!.*s3cret)/s);
    expect(() => parseKafkaLocation(location)).toThrow('MILLRACE_LOCATION_INVALID');
  });

  it('has no transactions where pypz reads along', () => {
    expect(capabilitiesOf(parseKafkaLocation('kafka://b:1')).transactions).toBe(true);
    expect(capabilitiesOf(parseKafkaLocation('kafka://b:1?protocol=pypz'))).toMatchObject({ transactions: false, fixedEnds: true });
  });

  it('shares the channels of the ports that it names, and no others', () => {
    const some = parseKafkaLocation('kafka://b:1?protocol=pypz&ports=bridge.in');
    expect(['p.bridge.in', 'p.bridge.in.deadLetters', 'p.footbridge.in', 'p.bridge.ink', undefined].map((channel) => isPypz(some, channel))).toEqual([true, false, false, false, false]);
    expect(isPypz(parseKafkaLocation('kafka://b:1?protocol=pypz&ports=in.deadLetters'), 'p.bridge.in.deadLetters')).toBe(false);
    expect(capabilitiesOf(some)).toEqual(capabilitiesOf(parseKafkaLocation('kafka://b:1')));
    expect(capabilitiesOf(some, 'p.bridge.in')).toEqual(capabilitiesOf(parseKafkaLocation('kafka://b:1?protocol=pypz')));
    expect(isPypz(parseKafkaLocation('kafka://b:1'), 'p.bridge.in')).toBe(false);
    expect(isPypz(parseKafkaLocation('kafka://b:1?protocol=pypz'), 'p.bridge.in')).toBe(true);
  });
});
