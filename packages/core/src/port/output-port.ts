import type { Headers } from './entry.js';

/** How a batch is sent. Functions are called once per record. */
export interface SendOptions<in T> {
  /** Records of one key go to one partition, in order. Text is sent as UTF-8; `null`: this record has none. */
  readonly key?: (value: T) => string | Uint8Array | null;
  readonly headers?: (value: T) => Headers | undefined;
  /** Epoch ms. Default: now. */
  readonly timestamp?: (value: T) => number;
  /** Sends the whole batch there, whatever the keys say. */
  readonly partition?: number;
}

/** Where records go out, to every input connected. Declared with `@output(codec)` on a field of an operator. */
export abstract class OutputPort<in out T> {
  declare readonly '~record': (value: T) => T;

  /**
   * Sends a batch; resolves when there is room for more. Durable with the commit that follows the step. The array and its
   * values belong to the channel afterwards: do not change them. A send that is not awaited is waited for at the end of the
   * step, and its failure fails the step.
   *
   * With keys a record goes where murmur2 puts it, as with Kafka's Java client; without, whole batches take turns over the
   * partitions, or single records with `partitioner: 'round-robin'`.
   *
   * @throws MillraceError `MILLRACE_VALUE_INVALID` (nothing of the batch is sent), `MILLRACE_SEND_OUTSIDE_STEP`,
   * `MILLRACE_STEP_TOO_LARGE`, `MILLRACE_RECORD_TOO_LARGE`, `MILLRACE_PORT_CLOSED`
   */
  abstract send(values: readonly T[], options?: SendOptions<T>): Promise<void>;
}
