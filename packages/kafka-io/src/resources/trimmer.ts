import type { Logger } from '@millrace/core';
import { deleteRecords, describeConfigs, protocolError, type KafkaClient } from '../client/index.js';
import type { GroupPositions } from './group-positions.js';

/** Ms between two looks at what may go. */
const INTERVAL = 30_000;

/**
 * Deletes what every group has committed past, for the channels that are read here and were given no retention of their own: their
 * topics keep records for ever otherwise. A group that has no position in a partition yet keeps all of it.
 */
export class Trimmer {
  readonly #watched = new Map<string, Map<number, number>>();
  readonly #trimmable = new Map<string, boolean>();
  readonly #timer: NodeJS.Timeout;
  #trimming = false;
  #closed = false;

  constructor(
    private readonly client: KafkaClient,
    private readonly positions: GroupPositions,
    private readonly logger: Logger,
  ) {
    this.#timer = setInterval(() => void this.#trimAll(), INTERVAL).unref();
  }

  /** Looks after partitions until what it gives is called. */
  watch(topic: string, partitions: readonly number[]): () => void {
    const watched = this.#watched.get(topic) ?? new Map<number, number>();
    this.#watched.set(topic, watched);
    for (const partition of partitions) watched.set(partition, (watched.get(partition) ?? 0) + 1);
    return () => {
      for (const partition of partitions) {
        const count = (watched.get(partition) ?? 1) - 1;
        if (count === 0) watched.delete(partition);
        else watched.set(partition, count);
      }
      if (watched.size === 0) this.#watched.delete(topic);
    };
  }

  /** @returns how far each partition was trimmed; left out where nothing could go */
  async trim(topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const trimmed = new Map<number, number>();
    if (!(await this.#mayTrim(topic))) return trimmed;
    const groups = [...(await this.positions.ofTopic(topic, partitions, { complete: true })).values()];
    if (groups.length === 0) return trimmed;
    const byLeader = new Map<number, { readonly topic: string; readonly partition: number; readonly before: number }[]>();
    for (const partition of partitions) {
      const leader = this.client.leader(topic, partition);
      const before = Math.min(...groups.map((offsets) => offsets.get(partition) ?? 0));
      if (before > 0 && leader !== undefined) byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topic, partition, before }]);
    }
    for (const [leader, requests] of byLeader) {
      for (const { partition, errorCode, lowWatermark } of await this.client.node(leader).send(deleteRecords(requests, INTERVAL))) {
        const error = protocolError(errorCode, { api: 'DeleteRecords', topic, partition });
        if (error !== undefined) throw error;
        trimmed.set(partition, lowWatermark);
      }
    }
    return trimmed;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #trimAll(): Promise<void> {
    if (this.#trimming) return;
    this.#trimming = true;
    for (const [topic, partitions] of this.#watched) {
      try {
        await this.trim(topic, [...partitions.keys()]);
      } catch (error) {
        if (this.#closed) break;
        // Nothing is lost: what could not go now goes later.
        this.logger.warn({ error, topic }, 'records that every group has read could not be deleted');
      }
    }
    this.#trimming = false;
  }

  /** Topics made without retention say that they keep all; see `topicOf`. */
  async #mayTrim(topic: string): Promise<boolean> {
    const known = this.#trimmable.get(topic);
    if (known !== undefined) return known;
    const [described] = await this.client.controller().send(describeConfigs([{ type: 'topic', name: topic, keys: ['retention.ms', 'cleanup.policy'] }]));
    const error = protocolError(described?.errorCode ?? -1, { api: 'DescribeConfigs', topic }, described?.reason);
    if (error !== undefined) throw error;
    const may = described?.configs.get('retention.ms') === '-1' && described.configs.get('cleanup.policy') === 'delete';
    this.#trimmable.set(topic, may);
    return may;
  }
}
