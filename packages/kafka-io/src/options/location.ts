import { MillraceError, type Capabilities } from '@millrace/core';

/** A location of the Kafka backend, taken apart: `kafka://host:port[,host:port…][/topic][?prefix=…&protocol=pypz]`. */
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
  /** One spelling of it, without the topic. */
  readonly canonical: string;
}

const KEYS = ['prefix', 'protocol'] as const;

/** What Kafka allows in names of topics (`org.apache.kafka.common.internals.Topic`). */
const TOPIC_CHARACTERS = /^[\w.-]*$/;
/** Characters of a topic's name. */
export const TOPIC_LENGTH = 249;

/**
 * Parses a location of the Kafka backend.
 *
 * Query keys: `prefix=text` stands before the names of Millrace's own topics; `protocol=pypz` speaks with Python's pypz.
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
    if (!KEYS.some((known) => known === key)) throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; known are ${KEYS.join(' and ')}`);
    if (keys.has(key)) throw invalid(location, `the query key ${key} stands twice`);
    keys.set(key, value);
  }
  const prefix = keys.get('prefix') ?? '';
  if (!TOPIC_CHARACTERS.test(prefix)) throw invalid(location, `the prefix ${JSON.stringify(prefix)} may have letters, digits, "_", "-" and "." only`);
  const protocol = keys.get('protocol') ?? 'millrace';
  if (protocol !== 'pypz' && protocol !== 'millrace') throw invalid(location, `protocol is pypz, or left out, not ${JSON.stringify(protocol)}`);
  if (protocol === 'pypz' && topic !== undefined) throw invalid(location, 'protocol=pypz is for the location of a pipeline: the statuses of pypz need all of it, and not one topic');
  const tls = scheme.toLowerCase() === 'kafkas';
  const parts = [...(prefix === '' ? [] : [`prefix=${prefix}`]), ...(protocol === 'pypz' ? ['protocol=pypz'] : [])];
  const canonical = `${tls ? 'kafkas' : 'kafka'}://${[...new Set(brokers)].sort().join(',')}${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
  return { tls, brokers, topic, prefix, protocol, canonical };
}

/** What the Kafka backend can do at a location. */
export function capabilitiesOf({ protocol }: KafkaLocation): Capabilities {
  // pypz's readers take the markers that end a transaction for records, and a writer that goes for one that is done.
  return { reach: 'network', durable: true, transactions: protocol === 'millrace', replay: true, compaction: true, objects: false, bounded: false, ...(protocol === 'pypz' ? { fixedEnds: true } : {}) };
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
