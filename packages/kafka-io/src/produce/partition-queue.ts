import type { BatchBuilder } from '../batch/index.js';
import type { ProducerIdentity } from '../client/index.js';

/** All that was written before a flush: done once each of its batches is acknowledged. */
export class Barrier {
  readonly done: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #remaining = 0;

  constructor(batches: Iterable<Batch>) {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    for (const batch of batches) {
      batch.barriers.push(this);
      this.#remaining++;
    }
    if (this.#remaining === 0) this.#resolve();
  }

  /** One of its batches is acknowledged. */
  pass(): void {
    if (--this.#remaining === 0) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }
}

/** A batch on its way: complete, with its sequence number once it was sent for the first time. */
export interface Batch {
  readonly builder: BatchBuilder;
  /** When its first record came, on the monotonic clock. */
  readonly since: number;
  /** Flushes that wait for it. */
  readonly barriers: Barrier[];
  bytes: Uint8Array | undefined;
  sequence: number;
  attempts: number;
}

/**
 * The batches of one partition, in order: one that is filled, those that wait, those that were sent and not answered yet. The
 * sequence numbers of the idempotent producer (KIP-98) are given when a batch is first sent and stay through every retry, so the
 * broker knows a batch that it has; and nothing is sent past a batch that has to be sent again.
 */
export class PartitionQueue {
  open: Batch | undefined;
  readonly waiting: Batch[] = [];
  readonly inFlight = new Set<Batch>();
  /** Offset after the last acknowledged record. */
  end: number | undefined;
  /** Part of the open transaction. */
  joined = false;
  retryAt = 0;
  /** The producer that the broker takes its batches for; undefined: that of all partitions. */
  identity: ProducerIdentity | undefined;
  /** It is to have another identity, its successor once that is there: nothing is sent before. */
  isRenewing = false;
  successor: ProducerIdentity | undefined;
  #sequence = 0;

  constructor(
    readonly topic: string,
    readonly partition: number,
  ) {}

  /** Completes the batch that is filled. */
  close(): void {
    if (this.open === undefined) return;
    this.waiting.push(this.open);
    this.open = undefined;
  }

  /** The next batch that may be sent; undefined where one under way has to be answered first. */
  next(): Batch | undefined {
    const [batch] = this.waiting;
    // The broker knows the last five batches of a producer in a partition again, no more.
    if (batch === undefined || this.inFlight.size >= 5 || (batch.attempts > 0 && this.inFlight.size > 0)) return undefined;
    // Were one behind acknowledged first, a broker that is restarted then would know nothing of the one that was sent again.
    for (const other of this.inFlight) if (other.attempts > 1) return undefined;
    return batch;
  }

  /** Takes the next batch out, to be sent. */
  send(): Batch | undefined {
    const batch = this.next();
    if (batch === undefined) return undefined;
    this.waiting.shift();
    this.inFlight.add(batch);
    if (batch.sequence < 0) {
      batch.sequence = this.#sequence;
      this.#sequence = (this.#sequence + batch.builder.count) % 2 ** 31;
    }
    batch.attempts++;
    return batch;
  }

  acknowledge(batch: Batch, baseOffset: number): void {
    this.inFlight.delete(batch);
    this.end = Math.max(this.end ?? 0, baseOffset + batch.builder.count);
  }

  /** Puts a batch back that has to be sent again, before those that come after it. */
  giveBack(batch: Batch): void {
    this.inFlight.delete(batch);
    const at = this.waiting.findIndex((other) => other.sequence < 0 || isBefore(batch.sequence, other.sequence));
    this.waiting.splice(at === -1 ? this.waiting.length : at, 0, batch);
  }

  /** Whether a batch before this one is not acknowledged. */
  hasEarlier(batch: Batch): boolean {
    for (const other of this.inFlight) if (other !== batch && isBefore(other.sequence, batch.sequence)) return true;
    return this.waiting.some((other) => other.sequence >= 0 && isBefore(other.sequence, batch.sequence));
  }

  /** Whether a batch behind this one was sent and is not acknowledged. */
  hasLater(batch: Batch): boolean {
    for (const other of this.inFlight) if (isBefore(batch.sequence, other.sequence)) return true;
    return this.waiting.some((other) => other.sequence >= 0 && isBefore(batch.sequence, other.sequence));
  }

  /** Sends all that is not acknowledged, and what follows, as another producer. @returns false where that is not there yet, or something is under way */
  renew(): boolean {
    if (this.successor === undefined || this.inFlight.size > 0) return false;
    this.identity = this.successor;
    this.successor = undefined;
    this.isRenewing = false;
    this.retryAt = 0;
    this.#sequence = 0;
    for (const batch of this.waiting) {
      batch.sequence = -1;
      batch.attempts = 0;
      batch.bytes = undefined;
    }
    return true;
  }

  /** Every batch that is not acknowledged. */
  *outstanding(): Generator<Batch> {
    yield* this.inFlight;
    yield* this.waiting;
    if (this.open !== undefined) yield this.open;
  }
}

/** Sequence numbers wrap from 2^31 - 1 to 0. */
function isBefore(a: number, b: number): boolean {
  return ((b - a + 2 ** 31) % 2 ** 31) < 2 ** 30 && a !== b;
}
