import { CHANNEL_BACKEND, type ChannelBackend } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { KafkaTransport } from './channel/transport.js';
import { KafkaClient } from './client/index.js';
import { capabilitiesOf, isPypz, kafkaOptions, kafkaPortOptions, parseKafkaLocation, resolveSettings } from './options/index.js';
import { checkPypzChannels, checkPypzPorts, checkPypzSettings } from './pypz/check.js';
import { PypzTransport } from './pypz/transport.js';
import { checkTopics } from './resources/names.js';
import { backendFailed } from './retry.js';

/**
 * Channels on Apache Kafka, 3.9 and 4.x.
 *
 * Locations are `kafka://host:port[,host:port…][/topic][?prefix=…&protocol=pypz&ports=…]`, or `kafkas://` for TLS. Credentials come from the
 * environment (`KAFKA_SASL_MECHANISM`, `KAFKA_USERNAME`, `KAFKA_PASSWORD`, `KAFKA_SSL_CA`, `KAFKA_SSL_CERT`, `KAFKA_SSL_KEY`) or from
 * the backend options.
 */
export const kafkaBackend: ChannelBackend = {
  schemes: ['kafka', 'kafkas'],

  parse(location) {
    const { canonical, topic } = parseKafkaLocation(location);
    return { location: canonical, channel: topic };
  },

  capabilities(location, channel) {
    return capabilitiesOf(parseKafkaLocation(location), channel);
  },

  check(channels, location) {
    const parsed = parseKafkaLocation(location);
    const shared = channels.filter(({ name }) => isPypz(parsed, name));
    return [...checkTopics(channels.filter((channel) => !shared.includes(channel)), parsed), ...checkPypzChannels(shared, parsed), ...checkPypzPorts(channels, parsed)];
  },

  options: kafkaOptions,
  portOptions: kafkaPortOptions,

  async connect(location, options) {
    const parsed = parseKafkaLocation(location);
    const settings = resolveSettings(parsed, options === undefined ? undefined : kafkaOptions.parse(options));
    if (settings.protocol === 'pypz') checkPypzSettings(settings);
    const client = await KafkaClient.connect(settings.client).catch((error: unknown) => {
      throw backendFailed(error);
    });
    const transport = new KafkaTransport(client, settings, capabilitiesOf(parsed));
    return settings.protocol === 'pypz' ? new PypzTransport(transport) : transport;
  },
};

/** Makes the backend known to `orchestrate({ backends: [kafkaModule] })`. */
export const kafkaModule: ContainerModule = new ContainerModule(({ bind }) => {
  bind(CHANNEL_BACKEND).toConstantValue(kafkaBackend);
});
