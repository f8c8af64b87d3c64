import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError, type ChannelSpec, type Retention } from '@millrace/core';
import { createTopics, deleteTopics, protocolError, type KafkaClient, type NewTopic, type TopicMetadata } from '../client/index.js';
import { backendFailed, retry, type RetryOptions } from '../retry.js';

/** Ms for which the controller may be out of reach, and for a topic to be made or to go. */
const PATIENCE = 30_000;

export interface TopicOptions {
  /** Default: the cluster's. */
  readonly replicationFactor?: number | undefined;
  /** By Kafka's names; they win over what the channel asks for. */
  readonly configs?: Readonly<Record<string, string>> | undefined;
}

/** Makes, finds and deletes topics. */
export class Topics {
  constructor(private readonly client: KafkaClient) {}

  /** @returns nothing where the topic does not exist */
  async find(topic: string): Promise<TopicMetadata | undefined> {
    return (await this.#metadata([topic])).get(topic);
  }

  /**
   * Makes the topics that are not there, and waits until they can be used.
   * @throws MillraceError `MILLRACE_CHANNEL_MISMATCH` where one has another number of partitions; then none is made
   */
  async create(wanted: readonly NewTopic[]): Promise<void> {
    const known = await this.#metadata(wanted.map(({ topic }) => topic));
    for (const { topic, partitions } of wanted) checkPartitions(topic, partitions, known.get(topic));
    const missing = wanted.filter(({ topic }) => !known.has(topic));
    if (missing.length > 0) {
      await ask(
        async () => {
          const answers = await this.client.controller().send(createTopics(missing, PATIENCE), { timeout: PATIENCE + 5000 });
          for (const { topic, errorCode, reason } of answers) {
            const error = protocolError(errorCode, { api: 'CreateTopics', topic }, reason);
            if (error !== undefined && error.code !== 'TOPIC_ALREADY_EXISTS') throw error;
          }
        },
        { patience: PATIENCE, what: `making ${missing.map(({ topic }) => topic).join(', ')}` },
      );
    }
    await this.#until(wanted.map(({ topic }) => topic), (metadata) => wanted.every(({ topic, partitions }) => {
      const found = metadata.get(topic);
      if (found !== undefined) checkPartitions(topic, partitions, found);
      return found?.partitions.every(({ leader }) => leader !== undefined) === true;
    }), 'to have leaders');
  }

  /** Deletes topics, and waits until they are gone. What does not exist is passed over. */
  async delete(topics: readonly string[]): Promise<void> {
    const known = [...(await this.#metadata(topics)).keys()];
    if (known.length === 0) return;
    await ask(
      async () => {
        for (const { topic, errorCode, reason } of await this.client.controller().send(deleteTopics(known, PATIENCE), { timeout: PATIENCE + 5000 })) {
          const error = protocolError(errorCode, { api: 'DeleteTopics', topic }, reason);
          if (error !== undefined && error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
        }
      },
      { patience: PATIENCE, what: `deleting ${known.join(', ')}` },
    );
    await this.#until(known, (metadata) => metadata.size === 0, 'to be gone');
  }

  #metadata(topics: readonly string[]): Promise<Map<string, TopicMetadata>> {
    return ask(() => this.client.metadata(topics), { patience: PATIENCE, what: `asking for ${topics.join(', ')}` });
  }

  async #until(topics: readonly string[], holds: (metadata: Map<string, TopicMetadata>) => boolean, what: string): Promise<void> {
    for (const since = performance.now(), pause = { ms: 1 }; ; pause.ms = Math.min(100, 2 * pause.ms)) {
      if (holds(await this.#metadata(topics))) return;
      if (performance.now() - since > PATIENCE) throw new MillraceError('MILLRACE_TIMEOUT', `waited ${PATIENCE} ms for ${topics.join(', ')} ${what}`);
      await sleep(pause.ms);
    }
  }
}

async function ask<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  try {
    return await retry(attempt, options);
  } catch (error) {
    throw backendFailed(error);
  }
}

function checkPartitions(topic: string, partitions: number, found: TopicMetadata | undefined): void {
  if (found === undefined || found.partitions.length === partitions) return;
  throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `topic ${topic} has ${found.partitions.length} partitions, not ${partitions}`, { channel: topic });
}

/** The topic of a channel: what is not read is kept for ever, unless the channel says otherwise. */
export function topicOf(topic: string, spec: Pick<ChannelSpec, 'partitions' | 'retention'>, { replicationFactor, configs }: TopicOptions): NewTopic {
  return { topic, partitions: spec.partitions, replicationFactor, configs: { ...configsOf(spec.retention), ...configs } };
}

/** A topic that keeps the latest record of each key; small segments, so that compaction keeps the replay at a start short. */
export function tableTopicOf(topic: string, { replicationFactor }: TopicOptions): NewTopic {
  return {
    topic,
    partitions: 1,
    replicationFactor,
    configs: { 'cleanup.policy': 'compact', 'segment.bytes': String(8 * 1024 * 1024), 'segment.ms': '600000', 'min.cleanable.dirty.ratio': '0.2', 'delete.retention.ms': '3600000' },
  };
}

/** Kafka has no bound by number: what is kept so is kept for ever. */
const FOR_EVER = String(2n ** 63n - 1n);

function configsOf(retention: Retention | undefined): Record<string, string> {
  if (retention?.compact === true) return { 'cleanup.policy': 'compact' };
  // -1 is what the trimmer goes by: what every group has read may go.
  if (retention === undefined) return { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };
  if (retention.records !== undefined) return { 'cleanup.policy': 'delete', 'retention.ms': FOR_EVER, 'retention.bytes': '-1' };
  return { 'cleanup.policy': 'delete', 'retention.ms': String(retention.ms ?? FOR_EVER), 'retention.bytes': String(retention.bytes ?? -1) };
}
