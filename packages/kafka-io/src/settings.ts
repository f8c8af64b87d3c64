import type { Compression } from './batch/index.js';
import type { ClientOptions, Isolation } from './client/index.js';

/** Every option of a location, with its default where none was given. Durations in ms; what each is for stands in `options/options.ts`. */
export interface KafkaSettings {
  readonly client: ClientOptions;
  readonly producer: {
    readonly lingerMs: number;
    readonly batchBytes: number;
    readonly compression: Compression;
    readonly maxBufferedBytes: number;
    readonly deliveryTimeout: number;
    readonly transactionTimeout: number;
  };
  readonly fetch: {
    readonly maxWait: number;
    readonly maxBytes: number;
    readonly partitionBytes: number;
    readonly bufferBytes: number;
    readonly metadataMaxAge: number;
    readonly isolation: Isolation;
  };
  readonly topic: { readonly prefix: string; readonly replicationFactor?: number | undefined; readonly configs?: Readonly<Record<string, string>> | undefined };
  readonly fencing: boolean;
  readonly offsetReset: 'earliest' | 'latest' | 'fail';
  /** Largest record. */
  readonly recordBytes: number;
  /** How the location is spoken to. */
  readonly protocol: 'millrace' | 'pypz';
  /** Of what input ports it is spoken; absent: of all. */
  readonly ports: readonly string[] | undefined;
  readonly initialDataConsumerTimeoutInMs: number;
  readonly dataConsumerTimeoutInMs: number;
  readonly statusConsumerTimeoutInMs: number;
  readonly peerTimeout: number;
}

export const DEFAULTS: Omit<KafkaSettings, 'client' | 'protocol' | 'ports'> = {
  producer: { lingerMs: 2, batchBytes: 512 * 1024, compression: 'none', maxBufferedBytes: 32 * 1024 * 1024, deliveryTimeout: 60_000, transactionTimeout: 10_000 },
  fetch: { maxWait: 500, maxBytes: 16 * 1024 * 1024, partitionBytes: 1024 * 1024, bufferBytes: 64 * 1024 * 1024, metadataMaxAge: 30_000, isolation: 'read_committed' },
  topic: { prefix: '' },
  fencing: true,
  offsetReset: 'fail',
  recordBytes: 1_000_000,
  // As in the seed's KafkaChannelReader.
  initialDataConsumerTimeoutInMs: 10_000,
  dataConsumerTimeoutInMs: 5_000,
  statusConsumerTimeoutInMs: 1_000,
  // As pypz's health check.
  peerTimeout: 120_000,
};
