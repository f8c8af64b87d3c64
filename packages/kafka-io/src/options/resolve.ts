import { MillraceError, type Logger } from '@millrace/core';
import { DEFAULTS, type KafkaSettings } from '../settings.js';
import { saslOf, tlsOf } from './credentials.js';
import type { KafkaLocation } from './location.js';
import type { KafkaOptions } from './options.js';

export interface ResolveContext {
  /** Where credentials are looked for that the options do not give. Default: the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger | undefined;
}

/**
 * All settings for a connection to a location: its options over the defaults, with credentials.
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where location, options and credentials do not fit each other
 */
export function resolveSettings(location: KafkaLocation, options: KafkaOptions = {}, { environment = process.env, logger }: ResolveContext = {}): KafkaSettings {
  const { client, producer, fetch, topic, ...rest } = options;
  if (topic?.prefix !== undefined && location.prefix !== '' && topic.prefix !== location.prefix) {
    throw new MillraceError('MILLRACE_OPTION_INVALID', `the location says prefix=${location.prefix}, the options topic.prefix ${topic.prefix}; leave one of them out`);
  }
  return {
    ...over(DEFAULTS, rest),
    protocol: location.protocol,
    ports: location.ports,
    client: {
      brokers: location.brokers,
      clientId: client?.clientId ?? 'millrace',
      connectionTimeout: client?.connectionTimeout,
      requestTimeout: client?.requestTimeout,
      sasl: saslOf(options, environment),
      tls: tlsOf(options, location.tls, environment),
      logger,
    },
    producer: over(DEFAULTS.producer, producer),
    fetch: over(DEFAULTS.fetch, fetch),
    topic: { ...topic, prefix: topic?.prefix ?? location.prefix },
  };
}

/** Options that are given win; one that is `undefined` counts as not given. */
function over<T extends object>(defaults: T, given: { readonly [K in keyof T]?: T[K] | undefined } | undefined): T {
  return { ...defaults, ...Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined)) };
}
