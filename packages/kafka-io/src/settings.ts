import type { Compression } from './batch/index.js';
import type { ClientOptions } from './client/index.js';

/** Every option of a location, with its default where none was given. Durations in ms. */
export interface KafkaSettings {
  readonly client: ClientOptions;
  readonly producer: {
    readonly lingerMs: number;
    readonly batchBytes: number;
    readonly compression?: Compression | undefined;
    readonly maxBufferedBytes: number;
    readonly deliveryTimeout: number;
    readonly transactionTimeout: number;
  };
  readonly fetch: { readonly maxWait: number; readonly maxBytes: number; readonly partitionBytes: number; readonly bufferBytes: number };
  readonly topic: { readonly prefix: string; readonly replicationFactor?: number | undefined; readonly configs?: Readonly<Record<string, string>> | undefined };
  readonly offsetReset: 'earliest' | 'latest' | 'fail';
  /** Largest record. */
  readonly recordBytes: number;
}

export const DEFAULTS: Omit<KafkaSettings, 'client'> = {
  producer: { lingerMs: 2, batchBytes: 512 * 1024, maxBufferedBytes: 32 * 1024 * 1024, deliveryTimeout: 60_000, transactionTimeout: 10_000 },
  fetch: { maxWait: 500, maxBytes: 16 * 1024 * 1024, partitionBytes: 1024 * 1024, bufferBytes: 64 * 1024 * 1024 },
  topic: { prefix: '' },
  offsetReset: 'fail',
  recordBytes: 1_000_000,
};
