import { CHANNEL_BACKEND, type ChannelBackend } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { KafkaTransport } from './channel/transport.js';
import { KafkaClient } from './client/index.js';
import { capabilitiesOf, kafkaOptions, parseKafkaLocation, resolveSettings } from './options/index.js';
import { checkTopics } from './resources/names.js';

/**
 * Channels on Apache Kafka, 3.9 and 4.x.
 *
 * Locations are `kafka://host:port[,host:port…][/topic][?prefix=…&protocol=pypz]`, or `kafkas://` for TLS. Credentials come from the
 * environment (`KAFKA_SASL_MECHANISM`, `KAFKA_USERNAME`, `KAFKA_PASSWORD`, `KAFKA_SSL_CA`, `KAFKA_SSL_CERT`, `KAFKA_SSL_KEY`) or from
 * the backend options.
 */
export const kafkaBackend: ChannelBackend = {
  schemes: ['kafka', 'kafkas'],

  parse(location) {
    const { canonical, topic } = parseKafkaLocation(location);
    return { location: canonical, channel: topic };
  },

  capabilities(location) {
    return capabilitiesOf(parseKafkaLocation(location));
  },

  check(channels, location) {
    return checkTopics(channels, parseKafkaLocation(location));
  },

  options: kafkaOptions,

  async connect(location, options) {
    const parsed = parseKafkaLocation(location);
    const settings = resolveSettings(parsed, options === undefined ? undefined : kafkaOptions.parse(options));
    return new KafkaTransport(await KafkaClient.connect(settings.client), settings, capabilitiesOf(parsed));
  },
};

/** Makes the backend known to `orchestrate({ backends: [kafkaModule] })`. */
export const kafkaModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(CHANNEL_BACKEND).toConstantValue(kafkaBackend);
});
