import type { KafkaRequest, TopicPartition } from '../types.js';
import { readTopics, writeTopics } from './topics.js';
import type { PartitionResult } from './transactions.js';

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Default: the broker's. */
  readonly replicationFactor?: number | undefined;
  /** Topic configurations by Kafka's names. */
  readonly configs?: Readonly<Record<string, string>> | undefined;
}

/** The outcome for one topic, of requests that answer for each. */
export interface TopicResult {
  readonly topic: string;
  readonly errorCode: number;
  /** What the broker says beside the code. */
  readonly reason: string | null;
}

const CREATE_TOPICS = { key: 19, name: 'CreateTopics', version: 4 };

/**
 * Creates topics, each on its own; for the controller. TOPIC_ALREADY_EXISTS for one that does.
 * @param timeout ms that the controller waits until the topics are there
 */
export function createTopics(topics: readonly NewTopic[], timeout: number): KafkaRequest<TopicResult[]> {
  return {
    api: CREATE_TOPICS,
    encode(writer) {
      writer.array(topics, ({ topic, partitions, replicationFactor, configs }) => {
        const noAssignments = 0;
        writer.string(topic).int32(partitions).int16(replicationFactor ?? -1).int32(noAssignments);
        writer.array(Object.entries(configs ?? {}), ([name, value]) => writer.string(name).string(value));
      });
      writer.int32(timeout).boolean(false);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.array(() => ({ topic: reader.string(), errorCode: reader.int16(), reason: reader.nullableString() }));
    },
  };
}

const DELETE_TOPICS = { key: 20, name: 'DeleteTopics', version: 3 };

/** Deletes topics, each on its own; for the controller. UNKNOWN_TOPIC_OR_PARTITION for one that is not there. */
export function deleteTopics(topics: readonly string[], timeout: number): KafkaRequest<TopicResult[]> {
  return {
    api: DELETE_TOPICS,
    encode(writer) {
      writer.array(topics, (topic) => writer.string(topic)).int32(timeout);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.array(() => ({ topic: reader.string(), errorCode: reader.int16(), reason: null }));
    },
  };
}

export interface RecordsToDelete extends TopicPartition {
  /** Everything before it goes; `end`: everything up to the high watermark. */
  readonly before: number | 'end';
}

export interface DeletedRecords extends PartitionResult {
  /** Offset of the first record that is left. */
  readonly lowWatermark: number;
}

const DELETE_RECORDS = { key: 21, name: 'DeleteRecords', version: 1 };

/** Deletes the beginning of partitions; for their leader. */
export function deleteRecords(partitions: readonly RecordsToDelete[], timeout: number): KafkaRequest<DeletedRecords[]> {
  return {
    api: DELETE_RECORDS,
    encode(writer) {
      writeTopics(writer, partitions, ({ partition, before }) => writer.int32(partition).int64(before === 'end' ? -1 : before));
      writer.int32(timeout);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readTopics(reader, (topic) => ({ topic, partition: reader.int32(), lowWatermark: reader.int64(), errorCode: reader.int16() }));
    },
  };
}

export interface ConfigResource {
  readonly type: 'topic' | 'broker';
  /** A topic, or a node id as text. */
  readonly name: string;
  /** Default: all. */
  readonly keys?: readonly string[] | undefined;
}

export interface DescribedConfigs {
  readonly type: 'topic' | 'broker';
  readonly name: string;
  readonly errorCode: number;
  readonly reason: string | null;
  /** By Kafka's names; null for secrets. */
  readonly configs: ReadonlyMap<string, string | null>;
}

const DESCRIBE_CONFIGS = { key: 32, name: 'DescribeConfigs', version: 2 };

/** Reads effective configurations: of topics from any node, of a broker from itself. */
export function describeConfigs(resources: readonly ConfigResource[]): KafkaRequest<DescribedConfigs[]> {
  const TOPIC = 2;
  const BROKER = 4;
  return {
    api: DESCRIBE_CONFIGS,
    encode(writer) {
      writer.array(resources, ({ type, name, keys }) => {
        writer.int8(type === 'topic' ? TOPIC : BROKER).string(name);
        if (keys === undefined) writer.int32(-1);
        else writer.array(keys, (key) => writer.string(key));
      });
      writer.boolean(false);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.array(() => {
        const errorCode = reader.int16();
        const reason = reader.nullableString();
        const type = reader.int8() === TOPIC ? 'topic' : 'broker';
        const name = reader.string();
        const entries = reader.array(() => {
          const entry = [reader.string(), reader.nullableString()] as const;
          reader.boolean(); // read only
          reader.int8(); // source
          reader.boolean(); // sensitive
          reader.array(() => [reader.string(), reader.nullableString(), reader.int8()]); // synonyms, which were not asked for
          return entry;
        });
        return { type, name, errorCode, reason, configs: new Map(entries) };
      });
    },
  };
}
