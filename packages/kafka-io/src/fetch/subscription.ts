import { MillraceError, NO_VALUE, type RecordBatch } from '@millrace/core';
import { KafkaError } from '../client/index.js';

/** Ms for which no broker may know of a topic before it counts as deleted. */
const MISSING_FOR = 3_000;

/** Where a partition is read, and what has come of it and was not taken yet. The {@link Fetcher} fills it, one reader empties it. */
export class Subscription {
  /** The next offset to be given to the reader: after what was taken, past gaps and markers as far as they are known. */
  position: number;
  /** The next offset to ask the leader for. */
  fetchOffset: number;
  /** The last stable offset as it was last heard of; what lies below it is there to be read. */
  end: number;
  /** Raised by each seek: an answer to an older question is dropped. */
  version = 0;
  /** A fetch of this partition is under way. */
  fetching = false;
  /** When it was asked for last. */
  askedAt = 0;
  /** Not asked for before this time of the monotonic clock: after an error. */
  retryAt = 0;
  /** Errors in a row, and when the first of them came. */
  failures = 0;
  firstFailure: number | undefined;
  /** The offset comes from a seek: where it is not there, the nearest is meant. */
  sought = false;
  /** Bytes of the largest batch that did not come whole: so many have to be asked for. */
  batchBytes = 0;
  failure: Error | undefined;
  bufferedBytes = 0;
  #paused = false;
  #missingSince: number | undefined;
  readonly #batches: RecordBatch[] = [];
  #head = 0;

  constructor(
    readonly topic: string,
    /** Of the topic that is meant: another one may take its name. Undefined until it is known. */
    public topicId: string | undefined,
    readonly partition: number,
    offset: number,
    readonly options: SubscriptionOptions,
  ) {
    this.position = offset;
    this.fetchOffset = offset;
    this.end = offset;
  }

  get paused(): boolean {
    return this.#paused;
  }

  set paused(paused: boolean) {
    this.#paused = paused;
    if (!paused) this.options.poke();
  }

  get buffered(): number {
    return this.#batches.length - this.#head;
  }

  /** Whether a batch is here, or known to be under way. */
  get hasRecords(): boolean {
    return this.buffered > 0 || this.fetchOffset < this.end;
  }

  /** Whether the leader may be asked for more. */
  wants(limit: number, now: number): boolean {
    return !this.fetching && !this.#paused && this.failure === undefined && this.bufferedBytes <= limit && this.retryAt <= now;
  }

  take(): RecordBatch | undefined {
    const batch = this.#batches[this.#head];
    if (batch === undefined) return undefined;
    this.#batches[this.#head] = undefined as unknown as RecordBatch;
    if (++this.#head === this.#batches.length) {
      this.#batches.length = 0;
      this.#head = 0;
    }
    this.bufferedBytes -= weightOf(batch);
    this.position = batch.next;
    this.options.poke();
    return batch;
  }

  /** Stores what was fetched; `next` is the offset to go on from. @returns whether the reader has something to hear of */
  put(batches: readonly RecordBatch[], next: number): boolean {
    const moved = next !== this.fetchOffset;
    for (const batch of batches) {
      this.#batches.push(batch);
      this.bufferedBytes += weightOf(batch);
    }
    this.fetchOffset = next;
    this.failures = 0;
    this.firstFailure = undefined;
    this.sought = false;
    if (this.buffered === 0) this.position = next;
    return moved;
  }

  /** Reads on from another offset, or from the nearest that is there. */
  seek(offset: number): void {
    this.version++;
    this.sought = true;
    this.#batches.length = 0;
    this.#head = 0;
    this.bufferedBytes = 0;
    this.position = offset;
    this.fetchOffset = offset;
    this.retryAt = 0;
    this.fetching = false;
    this.options.poke();
  }

  /** Notes that asking failed: the next attempt comes later, and a partition that stays away fails. */
  stumble(error: unknown, now: number): void {
    this.failures++;
    this.firstFailure ??= now;
    this.retryAt = now + Math.min(1000, 10 * 2 ** Math.min(this.failures, 7));
    const refused = error instanceof KafkaError && !error.retriable;
    if (!refused && now - this.firstFailure <= this.options.patience) return;
    const { topic, partition } = this;
    const text = refused ? error.message : `partition ${partition} of topic ${topic} could not be read for ${this.options.patience} ms`;
    this.fail(new MillraceError(refused ? 'MILLRACE_BACKEND_FAILED' : 'MILLRACE_TIMEOUT', text, { channel: topic, partition, cause: error }));
  }

  /** Holds what the topic's name stands for by now against what it stood for. @param topicId none where there is no such topic */
  identify(topicId: string | undefined, now: number): void {
    const { topic, partition } = this;
    this.topicId ??= topicId;
    if (topicId === this.topicId) {
      this.#missingSince = undefined;
      return;
    }
    this.#missingSince ??= now;
    // A broker that has not heard of it yet may have been asked.
    if (topicId === undefined && now - this.#missingSince < MISSING_FOR) return;
    const fate = topicId === undefined ? 'deleted' : 'deleted and made anew';
    this.fail(new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `topic ${topic} was ${fate} while it was read: ${topicId === undefined ? 'make it again, and start' : 'positions in the old one mean nothing in the new one; start'} again`, { channel: topic, partition }));
  }

  fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.options.wake();
  }
}

export interface SubscriptionOptions {
  /** Values begin with the mark of Avro's single-object encoding and their schema's fingerprint. */
  readonly framing: 'single-object' | 'none';
  /** Where to go on when the offset is not there: retention took it, or the log lost its end. */
  readonly reset: 'earliest' | 'latest' | 'fail';
  /** Ms for which a partition may be without a leader, or its leader out of reach, before it fails. */
  readonly patience: number;
  /** Something changed for the reader. */
  wake(): void;
  /** Something changed for the fetcher. Set by it. */
  poke(): void;
}

/** Bytes that a batch keeps in memory: from its first value to its last, and its bounds. */
function weightOf({ bounds, count }: RecordBatch): number {
  const start = bounds[0] ?? NO_VALUE;
  const end = bounds[2 * count - 1] ?? NO_VALUE;
  return bounds.byteLength + (start === NO_VALUE || end === NO_VALUE ? 0 : end - start);
}
