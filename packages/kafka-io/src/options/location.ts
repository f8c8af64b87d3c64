import { MillraceError, type Capabilities } from '@millrace/core';

/** A location of the Kafka backend, taken apart: `kafka://host:port[,host:port…][/topic][?prefix=…&protocol=pypz&ports=…]`. */
export interface KafkaLocation {
  /** Whether the brokers are spoken to over TLS: `kafkas://`. */
  readonly tls: boolean;
  /** `host:port` each, to ask first. */
  readonly brokers: readonly string[];
  /** An existing topic, for external bindings. */
  readonly topic: string | undefined;
  /** Put before the names of Millrace's own topics; may be empty. */
  readonly prefix: string;
  /** `pypz`: as Python's pypz names, writes and reads things. */
  readonly protocol: 'millrace' | 'pypz';
  /** With `protocol=pypz`: the input ports whose channels are shared with pypz, as `operator.port`. Absent: all. */
  readonly ports: readonly string[] | undefined;
  /** One spelling of it, without the topic. */
  readonly canonical: string;
}

const KEYS = ['prefix', 'protocol', 'ports'] as const;

/** What Kafka allows in names of topics (`org.apache.kafka.common.internals.Topic`). */
const TOPIC_CHARACTERS = /^[\w.-]*$/;
/** Characters of a topic's name. */
export const TOPIC_LENGTH = 249;

/**
 * Parses a location of the Kafka backend.
 *
 * Query keys: `prefix=text` stands before the names of Millrace's own topics; `protocol=pypz` speaks with Python's pypz, on the channels
 * of all connected input ports or, with `ports=operator.port,…`, of these alone.
 * Credentials are refused: they come from the environment or from backend options.
 * @throws MillraceError `MILLRACE_LOCATION_INVALID`, naming what is wrong.
 */
export function parseKafkaLocation(location: string): KafkaLocation {
  const match = /^(kafkas?):\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/is.exec(location);
  if (match === null) throw invalid(location, 'it is written kafka://host:port,host:port/topic, or kafkas:// for TLS');
  const [, scheme = '', authority = '', topic, query = ''] = match;
  if (authority.includes('@')) throw invalid(location, 'credentials do not belong in it: give them as KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD, or as backend options');
  const brokers = authority.toLowerCase().split(',').map((broker) => checkBroker(location, broker));
  if (topic !== undefined) checkTopic(location, topic);
  const keys = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (!KEYS.some((known) => known === key)) throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; known are ${KEYS.join(', ')}`);
    if (keys.has(key)) throw invalid(location, `the query key ${key} stands twice`);
    keys.set(key, value);
  }
  const prefix = keys.get('prefix') ?? '';
  if (!TOPIC_CHARACTERS.test(prefix)) throw invalid(location, `the prefix ${JSON.stringify(prefix)} may have letters, digits, "_", "-" and "." only`);
  const protocol = keys.get('protocol') ?? 'millrace';
  if (protocol !== 'pypz' && protocol !== 'millrace') throw invalid(location, `protocol is pypz, or left out, not ${JSON.stringify(protocol)}`);
  if (protocol === 'pypz' && topic !== undefined && !keys.has('ports')) throw invalid(location, 'protocol=pypz is for the location of a pipeline: the statuses of pypz need all of it, and not one topic');
  const ports = keys.has('ports') ? portsOf(location, protocol, keys.get('ports')!) : undefined;
  const tls = scheme.toLowerCase() === 'kafkas';
  const parts = [...(prefix === '' ? [] : [`prefix=${prefix}`]), ...(protocol === 'pypz' ? ['protocol=pypz'] : []), ...(ports === undefined ? [] : [`ports=${ports.join(',')}`])];
  const canonical = `${tls ? 'kafkas' : 'kafka'}://${[...new Set(brokers)].sort().join(',')}${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
  return { tls, brokers, topic, prefix, protocol, ports, canonical };
}

/** Whether a channel is shared with pypz; without a channel, whether all are. */
export function isPypz({ protocol, ports }: Pick<KafkaLocation, 'protocol' | 'ports'>, channel: string | undefined): boolean {
  if (protocol !== 'pypz' || ports === undefined) return protocol === 'pypz';
  return channel !== undefined && ports.includes(channel.slice(channel.indexOf('.') + 1));
}

/** What the Kafka backend can do at a location, or for a channel there. */
export function capabilitiesOf(location: KafkaLocation, channel?: string): Capabilities {
  const shared = isPypz(location, channel);
  // pypz's readers take the markers that end a transaction for records, and a writer that goes for one that is done.
  return { reach: 'network', durable: true, transactions: !shared, replay: true, compaction: true, objects: false, bounded: false, ...(shared ? { fixedEnds: true } : {}) };
}

/** In one order. */
function portsOf(location: string, protocol: string, given: string): readonly string[] {
  if (protocol !== 'pypz') throw invalid(location, 'ports belongs to protocol=pypz: it names the ports that speak it');
  const ports = given.split(',');
  for (const port of ports) if (!/^[\w-]+\.[\w-]+$/.test(port)) throw invalid(location, `ports names input ports as operator.port, with commas between, not ${JSON.stringify(port)}`);
  return [...new Set(ports)].sort();
}

function checkBroker(location: string, broker: string): string {
  const port = /^(?:\[[0-9a-f:.]+\]|[^\s:[\]]+):(\d{1,5})$/.exec(broker)?.[1];
  if (port === undefined || Number(port) < 1 || Number(port) > 65_535) throw invalid(location, `a broker is written host:port, not ${JSON.stringify(broker)}`);
  return broker;
}

function checkTopic(location: string, topic: string): void {
  if (topic === '') throw invalid(location, 'the topic after "/" has no name');
  if (!TOPIC_CHARACTERS.test(topic)) throw invalid(location, `the topic ${JSON.stringify(topic)} may have letters, digits, "_", "-" and "." only`);
  if (topic === '.' || topic === '..') throw invalid(location, `no topic is called ${JSON.stringify(topic)}`);
  if (topic.length > TOPIC_LENGTH) throw invalid(location, `the topic has ${topic.length} characters; Kafka allows ${TOPIC_LENGTH}`);
}

/** Without user information and values of the query: somebody may have put a secret there. */
function invalid(location: string, why: string): MillraceError {
  const shown = location.replace(/:\/\/[^/?]*@/, '://…@').replace(/=[^&]*/g, '=…');
  return new MillraceError('MILLRACE_LOCATION_INVALID', `${JSON.stringify(shown)} is no location of the Kafka backend: ${why}`);
}
