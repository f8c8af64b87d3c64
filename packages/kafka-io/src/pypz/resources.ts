import { MillraceError } from '@millrace/core';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from '../client/index.js';
import type { GroupPositions } from '../resources/group-positions.js';
import { Topics } from '../resources/topics.js';
import type { KafkaSettings } from '../settings.js';
import { topicsOf } from './names.js';
import { hasEnded } from './status-log.js';
import type { StatusExchange } from './status-exchange.js';

const LOOK_MS = 100;
/** A pypz writer looks at its readers' statuses for so long after it closed, and must not find the topic gone. */
const LAST_POLL_MS = 10_000;

/** The three topics of each channel, made and deleted by whom pypz has it: the principal of the reading group. */
export class PypzResources {
  readonly topics: Topics;

  constructor(
    client: KafkaClient,
    private readonly positions: GroupPositions,
    private readonly settings: KafkaSettings,
    private readonly exchange: StatusExchange,
  ) {
    this.topics = new Topics(client);
  }

  /**
   * Makes what is not there, with the cluster's configurations unless options say otherwise. pypz would delete a data topic of other
   * partitions with its records; here that is refused.
   * @throws MillraceError `MILLRACE_CHANNEL_MISMATCH`
   */
  async create(channel: string, partitions: number): Promise<void> {
    const { replicationFactor, configs } = this.settings.topic;
    const [data, ...statuses] = topicsOf(channel);
    await this.topics.create([{ topic: data, partitions, replicationFactor, configs: { ...configs } }]);
    for (const topic of statuses) if ((await this.topics.find(topic)) === undefined) await this.topics.create([{ topic, partitions: 1, replicationFactor, configs: {} }]);
  }

  /** Waits for the principal to make the topics. @throws MillraceError `MILLRACE_PEER_DEAD` after `peerTimeout` */
  async wait(channel: string): Promise<void> {
    const { peerTimeout } = this.settings;
    for (const since = performance.now(); ; await sleep(LOOK_MS)) {
      const missing: string[] = [];
      for (const topic of topicsOf(channel)) if ((await this.topics.find(topic)) === undefined) missing.push(topic);
      if (missing.length === 0) return;
      if (peerTimeout === 0 || performance.now() - since <= peerTimeout) continue;
      throw new MillraceError('MILLRACE_PEER_DEAD', `the reader of channel ${channel} has not made ${missing.join(', ')} within ${peerTimeout} ms; start it, check that both sides describe the pipeline alike, or raise peerTimeout`, { channel });
    }
  }

  /** Deletes channels that a principal of ours reads; those of a pypz reader are deleted by itself. */
  async delete(channels: readonly string[]): Promise<void> {
    await Promise.all(channels.map((channel) => this.#delete(channel)));
  }

  async #delete(channel: string): Promise<void> {
    const topics = topicsOf(channel);
    const [data, writers, readers] = await Promise.all(topics.map((topic) => this.topics.find(topic)));
    if (readers !== undefined && (await this.exchange.log(channel, 'reader')).peers.get(channel)?.isOurs === false) return;
    if (writers !== undefined) await this.#lastPoll(channel);
    await this.exchange.forget(channel);
    if (data !== undefined) await this.positions.forget(channel, data.partitions.map(({ partition }) => partition));
    await this.topics.delete(topics);
  }

  async #lastPoll(channel: string): Promise<void> {
    const { peers } = await this.exchange.log(channel, 'writer');
    const closed = Math.max(-Infinity, ...Array.from(peers.values()).filter((peer) => !peer.isOurs && hasEnded(peer)).map(({ heardAt }) => heardAt));
    await sleep(Math.max(0, closed + LAST_POLL_MS - this.exchange.now()));
  }
}
