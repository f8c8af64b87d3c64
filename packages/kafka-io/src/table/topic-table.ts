import { bytes, NO_VALUE, type OutgoingValues } from '@millrace/core';
import { NULL_VALUE } from '../batch/index.js';
import type { KafkaClient } from '../client/index.js';
import type { Fetcher } from '../fetch/fetcher.js';
import type { Subscription } from '../fetch/subscription.js';
import { askOffsets } from '../offsets.js';

/** Told of a key with its new value; undefined: removed. */
export type See = (key: string, value: Uint8Array | undefined) => void;

/** The latest value of each key of a compacted topic of one partition, kept up to date. */
export class TopicTable {
  /** In the order of their latest records. */
  readonly #values = new Map<string, Uint8Array>();
  readonly #followers = new Set<{ readonly prefix: string; readonly see: See }>();
  readonly #waiting = new Set<{ readonly offset: number; readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  readonly #subscription: Subscription;
  #failure: Error | undefined;

  /** @param from the first offset of the topic */
  constructor(
    private readonly client: KafkaClient,
    private readonly fetcher: Fetcher,
    readonly topic: string,
    from: number,
    private readonly onFailure: (error: Error) => void,
  ) {
    this.#subscription = fetcher.subscribe(topic, 0, from, { framing: 'none', reset: 'earliest', patience: 60_000, wake: () => this.#drain() });
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  /** Keys and values under a prefix, in the order of their latest records. */
  *under(prefix: string): Generator<readonly [key: string, value: Uint8Array]> {
    for (const entry of this.#values) if (entry[0].startsWith(prefix)) yield entry;
  }

  /**
   * Resolves once all records that were there at the time of the call have been seen. What stands behind an open transaction
   * waits for its end.
   */
  async caughtUp(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const offset = (await askOffsets(this.client, this.topic, [0], 'latest', 'read_uncommitted')).get(0) ?? 0;
    this.#drain();
    if (this.#subscription.position >= offset) return;
    await new Promise<void>((resolve, reject) => {
      if (this.#failure === undefined) this.#waiting.add({ offset, resolve, reject });
      else reject(this.#failure);
    });
  }

  /** Calls `see` with what is known under the prefix and with every later change, until what it gives is called. */
  follow(prefix: string, see: See): () => void {
    const follower = { prefix, see };
    for (const [key, value] of [...this.under(prefix)]) tell(see, key, value);
    this.#followers.add(follower);
    return () => void this.#followers.delete(follower);
  }

  close(error: Error): void {
    this.#followers.clear();
    this.#fail(error);
  }

  #drain(): void {
    if (this.#failure !== undefined) return;
    if (this.#subscription.failure !== undefined) {
      this.#fail(this.#subscription.failure);
      this.onFailure(this.#subscription.failure);
      return;
    }
    for (let batch = this.#subscription.take(); batch !== undefined; batch = this.#subscription.take()) {
      const { bounds, count } = batch;
      for (let i = 0; i < count; i++) {
        const key = batch.key(i);
        const start = bounds[2 * i] ?? NO_VALUE;
        if (key !== undefined) this.#set(Buffer.from(key).toString(), start === NO_VALUE ? undefined : batch.bytes.slice(start, bounds[2 * i + 1]));
      }
    }
    for (const waiting of this.#waiting) {
      if (this.#subscription.position < waiting.offset) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #set(key: string, value: Uint8Array | undefined): void {
    const known = this.#values.delete(key);
    if (value !== undefined) this.#values.set(key, value);
    else if (!known) return;
    for (const follower of [...this.#followers]) if (this.#followers.has(follower) && key.startsWith(follower.prefix)) tell(follower.see, key, value);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.fetcher.unsubscribe(this.#subscription);
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }
}

function tell(see: See, key: string, value: Uint8Array | undefined): void {
  try {
    see(key, value);
  } catch (error) {
    // Whoever put the fact or follows beside it can do nothing about it, yet it must not get lost.
    queueMicrotask(() => {
      throw error;
    });
  }
}

const RAW = bytes();

/** Keys with their values as records; undefined is a tombstone. */
export function recordsOf(entries: readonly (readonly [key: string, value: Uint8Array | undefined])[]): OutgoingValues {
  return { partition: 0, values: entries.map(([, value]) => value ?? NULL_VALUE), encoding: RAW, keys: entries.map(([key]) => Buffer.from(key)), schema: '', timestamp: Date.now() };
}
