import { MillraceError, type Capabilities, type ChannelBackend } from '@millrace/core';
import { KafkaTransport } from './channel/transport.js';
import { KafkaClient } from './client/index.js';
import { DEFAULTS } from './settings.js';

const CAPABILITIES: Capabilities = { reach: 'network', durable: true, transactions: true, replay: true, compaction: true, objects: false, bounded: false };

function take(location: string): { brokers: string[]; topic?: string | undefined } {
  const match = /^kafka:\/\/([^/?]+)(?:\/([^/?]+))?(?:\?(.*))?$/.exec(location);
  if (match?.[1] === undefined) throw new MillraceError('MILLRACE_LOCATION_INVALID', location);
  if (match[3] !== undefined) throw new MillraceError('MILLRACE_LOCATION_INVALID', `${location} has an unknown query key: ${match[3]}`);
  return { brokers: match[1].split(','), topic: match[2] };
}

/** Channels on Apache Kafka. */
export const kafkaBackend: ChannelBackend = {
  schemes: ['kafka', 'kafkas'],
  parse(location) {
    const { brokers, topic } = take(location);
    return { location: `kafka://${brokers.join(',')}`, channel: topic };
  },
  capabilities() {
    return CAPABILITIES;
  },
  check() {
    return [];
  },
  async connect(location) {
    const client = { brokers: take(location).brokers, clientId: 'millrace' };
    return new KafkaTransport(await KafkaClient.connect(client), { ...DEFAULTS, client }, CAPABILITIES);
  },
};
