import type { ChannelBackend } from '@millrace/core';
import { KafkaTransport } from './channel/transport.js';
import { KafkaClient } from './client/index.js';
import { capabilitiesOf, kafkaOptions, parseKafkaLocation, resolveSettings } from './options/index.js';

/** Channels on Apache Kafka. Locations: {@link parseKafkaLocation}; options: {@link kafkaOptions}. */
export const kafkaBackend: ChannelBackend = {
  schemes: ['kafka', 'kafkas'],
  options: kafkaOptions,

  parse(location) {
    const { canonical, topic } = parseKafkaLocation(location);
    return { location: canonical, channel: topic };
  },

  capabilities(location) {
    return capabilitiesOf(parseKafkaLocation(location));
  },

  check() {
    return [];
  },

  async connect(location, options) {
    const parsed = parseKafkaLocation(location);
    const settings = resolveSettings(parsed, kafkaOptions.parse(options ?? {}));
    return new KafkaTransport(await KafkaClient.connect(settings.client), settings, capabilitiesOf(parsed));
  },
};
