import type { KafkaClient } from '../client/index.js';
import { LeaderRequest } from './leader-request.js';
import { Subscription, type SubscriptionOptions } from './subscription.js';

export interface FetcherOptions {
  /** Whether records of open and aborted transactions are given. */
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** Longest wait of the broker for a record, in ms. */
  readonly maxWait: number;
  /** Bytes of one answer, over all of its partitions. */
  readonly maxBytes: number;
  /** Bytes of one answer for each partition; fewer where all of them would not fit into `bufferBytes`. */
  readonly partitionBytes: number;
  /** Bytes that may wait for readers, over all partitions; a partition whose batches are larger than its share has one of them more. */
  readonly bufferBytes: number;
  /** Name of its connections: fetchers of other names do not wait for this one's long polls. */
  readonly lane: string;
}

/** Connections to one leader: while so many long polls are out, a partition that was emptied meanwhile waits for one of them. */
const LANES = 4;

/**
 * Reads partitions of any number of channels, for all readers of a connection. Each leader is asked in one request for all
 * partitions that want more; while that waits at the broker for records to come, those that were emptied meanwhile are asked
 * for over another connection. Readers that stand at one offset of a partition share what comes.
 */
export class Fetcher {
  readonly #subscriptions = new Set<Subscription>();
  readonly #busy = new Set<string>();
  #scheduled = false;
  #refreshing = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    private readonly client: KafkaClient,
    private readonly options: FetcherOptions,
  ) {}

  /** Begins to fetch a partition from an offset. */
  subscribe(topic: string, partition: number, offset: number, options: Omit<SubscriptionOptions, 'poke'>): Subscription {
    const subscription = new Subscription(topic, this.client.topicId(topic), partition, offset, { ...options, poke: () => this.#poke() });
    this.#subscriptions.add(subscription);
    this.#poke();
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    subscription.version++;
    this.#subscriptions.delete(subscription);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#subscriptions.clear();
  }

  /** Looks for what to fetch, once all that happens in this turn has happened. */
  #poke(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed) this.#dispatch();
    });
  }

  #dispatch(): void {
    const now = performance.now();
    const requests = new Map<number, LeaderRequest[]>();
    const lost = new Set<string>();
    const limit = this.#bufferLimit;
    let next = Infinity;
    for (const subscription of this.#subscriptions) {
      if (!subscription.wants(limit, now)) {
        if (subscription.retryAt > now) next = Math.min(next, subscription.retryAt);
        continue;
      }
      const leader = this.client.leader(subscription.topic, subscription.partition);
      if (leader === undefined) lost.add(subscription.topic);
      else this.#place(subscription, leader, requests);
    }
    for (const [leader, queue] of requests) {
      // What is known to be there is answered at once, the rest may hold a connection for long; but nobody waits for ever behind readers that catch up.
      const isOverdue = ({ since }: LeaderRequest): boolean => now - since > this.options.maxWait;
      queue.sort((a, b) => Number(isOverdue(b)) - Number(isOverdue(a)) || Number(b.isBehind) - Number(a.isBehind) || a.since - b.since);
      for (let i = 0; i < LANES && queue.length > 0; i++) {
        const lane = `${this.options.lane}-${i}`;
        const key = `${leader} ${lane}`;
        if (this.#busy.has(key)) continue;
        const request = queue.shift();
        if (request !== undefined) void this.#send(request, leader, lane, key);
      }
    }
    if (lost.size > 0) void this.#refresh([...lost]);
    clearTimeout(this.#timer);
    this.#timer = next === Infinity ? undefined : setTimeout(() => this.#poke(), Math.max(0, next - now));
  }

  /** Bytes that a partition may have waiting and still be asked for: a whole answer with the places of its records, where the bound leaves room for its successor. */
  get #bufferLimit(): number {
    return Math.min(this.#ownBytes - this.#share, 2 * this.options.partitionBytes);
  }

  /** Bytes that a partition is asked for, so that they fit beside what it may have waiting. */
  get #share(): number {
    return Math.ceil(Math.min(this.#ownBytes / 2, this.options.partitionBytes));
  }

  /** What falls to each partition of the bytes that may wait. */
  get #ownBytes(): number {
    return this.options.bufferBytes / Math.max(1, this.#subscriptions.size);
  }

  /** A request has one offset of a partition: readers that stand elsewhere go into another. */
  #place(subscription: Subscription, leader: number, requests: Map<number, LeaderRequest[]>): void {
    const queue = requests.get(leader) ?? [];
    if (queue.length === 0) requests.set(leader, queue);
    const share = this.#share;
    for (const request of queue) if (request.add(subscription, share)) return;
    const request = new LeaderRequest(this.options);
    request.add(subscription, share);
    queue.push(request);
  }

  async #send(request: LeaderRequest, leader: number, lane: string, key: string): Promise<void> {
    this.#busy.add(key);
    const stale = await request.run(this.client.node(leader, lane));
    this.#busy.delete(key);
    if (this.#closed) return;
    // Brokers fill an answer in the order of the question: who got something goes behind those for whom there was no room.
    for (const subscription of request.filled) if (this.#subscriptions.delete(subscription)) this.#subscriptions.add(subscription);
    if (stale.length > 0) void this.#refresh(stale);
    // The broker gets the next question before readers get what came: a reader with work keeps the thread to itself for long.
    this.#dispatch();
    request.wake();
  }

  /** Asks who leads the topics. What fails is tried again when the partitions are due again. */
  async #refresh(topics: readonly string[]): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      await this.client.refresh(topics);
    } catch (error) {
      for (const subscription of this.#subscriptions) if (topics.includes(subscription.topic)) subscription.stumble(error, performance.now());
    } finally {
      this.#refreshing = false;
    }
    const now = performance.now();
    for (const subscription of this.#subscriptions) {
      const { topic, partition } = subscription;
      if (!topics.includes(topic)) continue;
      subscription.identify(this.client.topicId(topic), now);
      if (this.client.leader(topic, partition) === undefined) subscription.stumble(undefined, now);
    }
    this.#poke();
  }
}
