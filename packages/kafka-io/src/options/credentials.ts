import { MillraceError } from '@millrace/core';
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import type { ClientOptions } from '../client/index.js';
import { kafkaOptions, type KafkaOptions } from './options.js';

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLES = { mechanism: 'KAFKA_SASL_MECHANISM', username: 'KAFKA_USERNAME', password: 'KAFKA_PASSWORD' } as const;
const FILES = { ca: 'KAFKA_SSL_CA', cert: 'KAFKA_SSL_CERT', key: 'KAFKA_SSL_KEY' } as const;

/**
 * Who one is: the options where they say so, else the environment.
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where one of the three variables is missing, or the mechanism is unknown
 */
export function saslOf(options: KafkaOptions, environment: Environment): ClientOptions['sasl'] {
  if (options.client?.sasl !== undefined) return options.client.sasl;
  const given = Object.fromEntries(Object.entries(VARIABLES).map(([key, name]) => [key, environment[name] ?? '']));
  if (Object.values(given).every((value) => value === '')) return undefined;
  for (const [key, name] of Object.entries(VARIABLES)) {
    if (given[key] === '') throw new MillraceError('MILLRACE_OPTION_INVALID', `${name} is not set; ${Object.values(VARIABLES).join(', ')} belong together`);
  }
  const { success, data } = kafkaOptions.shape.client.unwrap().shape.sasl.unwrap().safeParse(given);
  if (success) return data;
  throw new MillraceError('MILLRACE_OPTION_INVALID', `${VARIABLES.mechanism} is ${JSON.stringify(given['mechanism'])}; PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are known`);
}

/**
 * How brokers prove themselves and, with a certificate, how one does: each of the options, else of the environment.
 * @throws MillraceError `MILLRACE_OPTION_INVALID` where a file cannot be read, a certificate lacks its key or has no use
 * @internal
 */
export function tlsOf(options: KafkaOptions, tls: boolean, environment: Environment): ConnectionOptions | undefined {
  const own = options.client?.tls;
  if (!tls) {
    if (own === undefined) return undefined;
    throw new MillraceError('MILLRACE_OPTION_INVALID', 'client.tls is given and the location speaks no TLS: write kafkas:// instead of kafka://');
  }
  const pem = Object.fromEntries(
    Object.entries(FILES).flatMap(([key, variable]) => {
      const option = own?.[key as keyof typeof FILES];
      const given = option ?? environment[variable];
      return given === undefined || given === '' ? [] : [[key, readPem(given, option === undefined ? variable : `client.tls.${key}`)]];
    }),
  );
  if (('cert' in pem) !== ('key' in pem)) throw new MillraceError('MILLRACE_OPTION_INVALID', `a client certificate and its key belong together (${FILES.cert} and ${FILES.key}, or client.tls.cert and client.tls.key)`);
  return { ...own, ...pem };
}

function readPem(given: string, name: string): string {
  if (given.includes('-----BEGIN')) return given;
  try {
    return readFileSync(given, 'utf8');
  } catch (error) {
    // What was given may be a key without its first line: it is not repeated.
    throw new MillraceError('MILLRACE_OPTION_INVALID', `${name} is neither PEM text nor a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
