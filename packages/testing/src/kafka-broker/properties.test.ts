import { expect, it } from 'vitest';
import { securityProperties, scramOptions, type ListenerName } from './listeners.js';
import { brokerProperties, formatProperties, type Layout } from './properties.js';

const layout = (nodes: number, more: Partial<Layout> = {}): Layout => ({
  node: 1,
  controllerPorts: Array.from({ length: nodes }, (_, i) => 101 + i),
  internalPort: 200,
  ports: new Map([['plain', 300]]),
  advertisedPorts: new Map(),
  dataFolder: '/data',
  ...more,
});

it('one broker replicates nothing, three replicate all with two in sync', () => {
  expect(brokerProperties(layout(1))).toMatchObject({ 'default.replication.factor': '1', 'min.insync.replicas': '1', 'transaction.state.log.min.isr': '1', 'controller.quorum.voters': '1@127.0.0.1:101' });
  expect(brokerProperties(layout(3))).toMatchObject({ 'default.replication.factor': '3', 'min.insync.replicas': '2', 'transaction.state.log.min.isr': '2', 'controller.quorum.voters': '1@127.0.0.1:101,2@127.0.0.1:102,3@127.0.0.1:103' });
  expect(brokerProperties(layout(5))).toMatchObject({ 'offsets.topic.replication.factor': '3' });
});

it('every listener is bound and advertised under the protocol that it speaks; brokers have one of their own', () => {
  const ports = new Map<ListenerName, number>([['plain', 300], ['saslTls', 301]]);
  expect(brokerProperties(layout(1, { ports }))).toMatchObject({
    'listeners': 'CONTROLLER://127.0.0.1:101,INTERNAL://127.0.0.1:200,PLAINTEXT://127.0.0.1:300,SASL_TLS://127.0.0.1:301',
    'advertised.listeners': 'INTERNAL://127.0.0.1:200,PLAINTEXT://127.0.0.1:300,SASL_TLS://127.0.0.1:301',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_TLS:SASL_SSL',
  });
});

it('clients are told of the proxy, brokers are not', () => {
  expect(brokerProperties(layout(1, { advertisedPorts: new Map([['plain', 999]]) }))).toMatchObject({
    'listeners': expect.stringContaining('PLAINTEXT://127.0.0.1:300'),
    'advertised.listeners': 'INTERNAL://127.0.0.1:200,PLAINTEXT://127.0.0.1:999',
  });
});

it('what the caller says wins', () => {
  expect(brokerProperties(layout(1), { 'auto.create.topics.enable': 'true' })['auto.create.topics.enable']).toBe('true');
});

it('a properties file gives back backslashes and line ends', () => {
  expect(formatProperties({ a: 'b\\c\nd', e: '' })).toBe('a=b\\\\c\\nd\ne=\n');
});

it('security is per listener, and passwords are quoted for JAAS', () => {
  const properties = securityProperties({ listeners: ['plain', 'mutualTls', 'sasl'], users: { ada: 'a"b\\c' }, superUsers: ['User:ada'], keystore: '/k.pem', truststore: '/t.pem' });
  expect(properties).toMatchObject({
    'listener.name.mutual_tls.ssl.client.auth': 'required',
    'listener.name.mutual_tls.ssl.keystore.location': '/k.pem',
    'listener.name.sasl.plain.sasl.jaas.config': 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="a\\"b\\\\c";',
    'super.users': 'User:ANONYMOUS;User:ada',
  });
  expect(Object.keys(properties).filter((name) => name.includes('plaintext') || name.startsWith('listener.name.sasl.ssl'))).toEqual([]);
});

it('nobody needs ACLs where no super user is named', () => {
  expect(securityProperties({ listeners: ['plain'], users: {}, superUsers: undefined, keystore: '', truststore: '' })).toEqual({});
});

it('users are known to both kinds of SCRAM', () => {
  expect(scramOptions({ ada: 'x' })).toEqual(['--add-scram', 'SCRAM-SHA-256=[name=ada,password=x]', '--add-scram', 'SCRAM-SHA-512=[name=ada,password=x]']);
});
