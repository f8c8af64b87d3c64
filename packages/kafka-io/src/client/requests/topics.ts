import type { Reader } from '../protocol/reader.js';
import type { Writer } from '../protocol/writer.js';
import type { TopicPartition } from '../types.js';

/** Kafka nests partitions in topics; here they are flat lists. These write and read the one as the other. */
export function writeTopics<T extends TopicPartition>(writer: Writer, items: readonly T[], write: (item: T) => void): void {
  writer.array([...byTopic(items)], ([topic, partitions]) => writer.string(topic).array(partitions, write));
}

/** As {@link writeTopics}, for flexible versions; `write` ends a partition with its tags where it is a structure. */
export function writeCompactTopics<T extends TopicPartition>(writer: Writer, items: readonly T[], write: (item: T) => void): void {
  writer.compactArray([...byTopic(items)], ([topic, partitions]) => writer.compactString(topic).compactArray(partitions, write).tags());
}

export function readTopics<T>(reader: Reader, read: (topic: string) => T): T[] {
  return reader
    .array(() => {
      const topic = reader.string();
      return reader.array(() => read(topic));
    })
    .flat();
}

/** As {@link readTopics}, for flexible versions; `read` takes a partition's tags. */
export function readCompactTopics<T>(reader: Reader, read: (topic: string) => T): T[] {
  return readNested(reader, () => reader.compactString(), read);
}

/** As {@link writeCompactTopics}, for versions that know topics by their ids (KIP-516). */
export function writeTopicIds<T extends { readonly topicId: string }>(writer: Writer, items: readonly T[], write: (item: T) => void): void {
  writer.compactArray([...grouped(items, ({ topicId }) => topicId)], ([topicId, partitions]) => writer.uuid(topicId).compactArray(partitions, write).tags());
}

export function readTopicIds<T>(reader: Reader, read: (topicId: string) => T): T[] {
  return readNested(reader, () => reader.uuid(), read);
}

function readNested<T>(reader: Reader, readTopic: () => string, read: (topic: string) => T): T[] {
  return reader
    .compactArray(() => {
      const topic = readTopic();
      const items = reader.compactArray(() => read(topic));
      reader.tags();
      return items;
    })
    .flat();
}

function byTopic<T extends TopicPartition>(items: readonly T[]): Map<string, T[]> {
  return grouped(items, ({ topic }) => topic);
}

/** In the order in which topics first appear. */
function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const topics = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const partitions = topics.get(key);
    if (partitions === undefined) topics.set(key, [item]);
    else partitions.push(item);
  }
  return topics;
}
