import { MillraceError, toError } from '@millrace/core';
import { decodeRecordSet } from '../batch/index.js';
import { fetch, listOffsets, NO_TOPIC_ID, protocolError, type FetchedPartition, type KafkaNode } from '../client/index.js';
import type { FetcherOptions } from './fetcher.js';
import type { Subscription } from './subscription.js';

/** Readers that share what comes of one partition from one offset. */
interface Asked {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
  readonly framing: 'single-object' | 'none';
  readonly subscriptions: Subscription[];
  readonly versions: number[];
}

/** One question to one leader, and what becomes of its answer. */
export class LeaderRequest {
  /** Those that got records. */
  readonly filled: Subscription[] = [];
  /** Those whose readers have something to hear of, and have not heard. */
  readonly #moved: Subscription[] = [];
  readonly #asked = new Map<string, Asked>();

  constructor(private readonly options: FetcherOptions) {}

  /** Whether a partition is known to have more. */
  get isBehind(): boolean {
    for (const { offset, subscriptions } of this.#asked.values()) if (subscriptions.some(({ end }) => offset < end)) return true;
    return false;
  }

  /** When the one of its readers was asked for that waited longest. */
  get since(): number {
    let since = Infinity;
    for (const { subscriptions } of this.#asked.values()) for (const { askedAt } of subscriptions) since = Math.min(since, askedAt);
    return since;
  }

  /**
   * Takes a partition in, unless the request asks for another offset of it.
   * @param share bytes to ask for, unless its next batch is known to be larger
   */
  add(subscription: Subscription, share: number): boolean {
    const { topic, topicId = NO_TOPIC_ID, partition, fetchOffset, version } = subscription;
    const maxBytes = Math.max(share, subscription.batchBytes);
    const { framing } = subscription.options;
    const key = `${partition} ${topicId}`;
    const asked = this.#asked.get(key);
    if (asked === undefined) this.#asked.set(key, { topic, topicId, partition, offset: fetchOffset, maxBytes, framing, subscriptions: [subscription], versions: [version] });
    else if (asked.offset !== fetchOffset || asked.framing !== framing || asked.maxBytes !== maxBytes) return false;
    else {
      asked.subscriptions.push(subscription);
      asked.versions.push(version);
    }
    return true;
  }

  /** Tells readers of what has come. */
  wake(): void {
    for (const { options } of this.#moved.splice(0)) options.wake();
  }

  /** Asks, and hands the answer to whom it concerns; they hear of it by {@link wake}. Gives the topics whose leaders have to be asked for anew; never rejects. */
  async run(node: KafkaNode): Promise<readonly string[]> {
    const { isolation, maxWait, maxBytes } = this.options;
    const stale = new Set<string>();
    const now = performance.now();
    for (const { subscriptions } of this.#asked.values()) {
      for (const subscription of subscriptions) {
        subscription.fetching = true;
        subscription.askedAt = now;
      }
    }
    try {
      const partitions = Array.from(this.#asked.values(), ({ topic, topicId, partition, offset, maxBytes: bytes }) => ({ topic, topicId, partition, offset, maxBytes: bytes }));
      const answer = await node.send(fetch({ isolation, maxWait, minBytes: 1, maxBytes, partitions }), { timeout: maxWait + 30_000 });
      const resets: Promise<void>[] = [];
      for (const fetched of answer) {
        const asked = this.#asked.get(`${fetched.partition} ${fetched.topicId}`);
        const reset = asked && this.#take(asked, fetched, node, stale);
        if (reset !== undefined) resets.push(reset);
      }
      if (resets.length > 0) {
        this.wake();
        await Promise.all(resets);
      }
    } catch (error) {
      for (const asked of this.#asked.values()) this.#stumble(asked, error, stale);
    } finally {
      for (const asked of this.#asked.values()) for (const subscription of current(asked)) subscription.fetching = false;
    }
    return [...stale];
  }

  #take(asked: Asked, fetched: FetchedPartition, node: KafkaNode, stale: Set<string>): Promise<void> | undefined {
    const { topic, partition, offset, framing } = asked;
    const error = protocolError(fetched.errorCode, { api: 'Fetch', topic, partition });
    if (error?.code === 'OFFSET_OUT_OF_RANGE') return this.#reset(asked, node, stale);
    if (error !== undefined) {
      this.#stumble(asked, error, stale);
      return undefined;
    }
    const end = this.options.isolation === 'read_committed' ? fetched.lastStableOffset : fetched.highWatermark;
    try {
      const { batches, next, tooLarge } = decodeRecordSet(fetched.records, { topic, partition, from: offset, framing, isolation: this.options.isolation, abortedTransactions: fetched.abortedTransactions });
      for (const subscription of current(asked)) {
        subscription.end = end;
        if (tooLarge !== undefined) subscription.batchBytes = Math.max(subscription.batchBytes, tooLarge);
        if (batches.length > 0) this.filled.push(subscription);
        if (subscription.put(batches, next)) this.#moved.push(subscription);
      }
    } catch (error) {
      for (const subscription of current(asked)) subscription.fail(toError(error));
    }
    return undefined;
  }

  /** The offset is not there. A seek means the nearest; a committed position means records that were never read. */
  async #reset(asked: Asked, node: KafkaNode, stale: Set<string>): Promise<void> {
    const { topic, partition, offset } = asked;
    try {
      const [start, end] = await Promise.all(
        (['earliest', 'latest'] as const).map(async (at) => {
          const [found] = await node.send(listOffsets([{ topic, partition, at }], this.options.isolation));
          const error = protocolError(found?.errorCode ?? -1, { api: 'ListOffsets', topic, partition });
          if (error !== undefined) throw error;
          return found?.offset;
        }),
      );
      if (start === undefined || end === undefined) return;
      for (const subscription of current(asked)) {
        const { reset } = subscription.options;
        if (subscription.sought) subscription.seek(offset < start ? start : end);
        else if (reset === 'fail') {
          subscription.fail(new MillraceError('MILLRACE_OFFSET_OUT_OF_RANGE', `the records from ${offset} on are not there to be read: the partition goes from ${start} to ${end}; retention or an unclean election took them. Say where to go on with the option offsetReset (earliest or latest), or move the group`, { channel: topic, partition, offset }));
        } else subscription.seek(reset === 'earliest' ? start : end);
      }
    } catch (error) {
      this.#stumble(asked, error, stale);
    }
  }

  #stumble(asked: Asked, error: unknown, stale: Set<string>): void {
    stale.add(asked.topic);
    const now = performance.now();
    for (const subscription of current(asked)) subscription.stumble(error, now);
  }
}

/** Those that still wait for the answer: who has sought elsewhere meanwhile asks again. */
function current({ subscriptions, versions }: Asked): Subscription[] {
  return subscriptions.filter((subscription, i) => subscription.version === versions[i]);
}
