import { throwProtocolError } from '../error.js';
import type { Reader } from '../protocol/reader.js';
import type { KafkaRequest, TopicPartition } from '../types.js';
import { readCompactTopics, readTopics, writeCompactTopics, writeTopics } from './topics.js';
import type { OffsetToCommit, PartitionResult } from './transactions.js';

const OFFSET_COMMIT = { key: 8, name: 'OffsetCommit', version: 7 };

/** Writes a group's offsets as no member of it: only a group without live members takes them (UNKNOWN_MEMBER_ID otherwise). */
export function offsetCommit(group: string, offsets: readonly OffsetToCommit[]): KafkaRequest<PartitionResult[]> {
  return {
    api: OFFSET_COMMIT,
    encode(writer) {
      const noGeneration = -1;
      const noMember = '';
      writer.string(group).int32(noGeneration).string(noMember).nullableString(null);
      writeTopics(writer, offsets, ({ partition, offset, metadata }) => {
        const anyLeaderEpoch = -1;
        writer.int32(partition).int64(offset).int32(anyLeaderEpoch).nullableString(metadata ?? '');
      });
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readTopics(reader, (topic) => ({ topic, partition: reader.int32(), errorCode: reader.int16() }));
    },
  };
}

export interface CommittedOffset extends PartitionResult {
  /** The next offset to read; -1 where the group has none. */
  readonly offset: number;
  readonly metadata: string | null;
}

const OFFSET_FETCH = { key: 9, name: 'OffsetFetch', version: 7, flexible: true };

/**
 * Reads a group's offsets. Those in a transaction that is not decided yet are UNSTABLE_OFFSET_COMMIT instead of the value before
 * (require_stable, KIP-447). Where no partitions are named it reads all that the group has, and leaves one out whose first offset is in
 * such a transaction.
 */
export function offsetFetch(group: string, partitions?: readonly TopicPartition[]): KafkaRequest<CommittedOffset[]> {
  return {
    api: OFFSET_FETCH,
    encode(writer) {
      writer.compactString(group);
      if (partitions === undefined) writer.unsignedVarint(0);
      else writeCompactTopics(writer, partitions, ({ partition }) => writer.int32(partition));
      writer.boolean(true);
    },
    decode(reader) {
      reader.int32(); // throttle time
      const offsets = readCompactTopics(reader, (topic) => readCommitted(reader, topic));
      throwProtocolError(reader.int16(), { api: OFFSET_FETCH.name, group });
      return offsets;
    },
  };
}

export interface GroupOffsets {
  readonly group: string;
  readonly errorCode: number;
  readonly offsets: readonly CommittedOffset[];
}

const OFFSET_FETCH_MANY = { key: 9, name: 'OffsetFetch', version: 8, flexible: true };

/** As {@link offsetFetch} of the same partitions for many groups, all of which the node coordinates (KIP-709); each group has an error of its own. */
export function offsetFetchMany(groups: readonly string[], partitions: readonly TopicPartition[]): KafkaRequest<GroupOffsets[]> {
  return {
    api: OFFSET_FETCH_MANY,
    encode(writer) {
      writer.compactArray(groups, (group) => {
        writer.compactString(group);
        writeCompactTopics(writer, partitions, ({ partition }) => writer.int32(partition));
        writer.tags();
      });
      writer.boolean(true);
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.compactArray(() => {
        const group = reader.compactString();
        const offsets = readCompactTopics(reader, (topic) => readCommitted(reader, topic));
        const errorCode = reader.int16();
        reader.tags();
        return { group, errorCode, offsets };
      });
    },
  };
}

function readCommitted(reader: Reader, topic: string): CommittedOffset {
  const partition = reader.int32();
  const offset = reader.int64();
  reader.int32(); // leader epoch
  const metadata = reader.compactNullableString();
  const errorCode = reader.int16();
  reader.tags();
  return { topic, partition, errorCode, offset, metadata };
}

const OFFSET_DELETE = { key: 47, name: 'OffsetDelete', version: 0 };

/** Forgets a group's offsets of some partitions. GROUP_SUBSCRIBED_TO_TOPIC where a live member reads the topic. */
export function offsetDelete(group: string, partitions: readonly TopicPartition[]): KafkaRequest<PartitionResult[]> {
  return {
    api: OFFSET_DELETE,
    encode(writer) {
      writer.string(group);
      writeTopics(writer, partitions, ({ partition }) => writer.int32(partition));
    },
    decode(reader) {
      throwProtocolError(reader.int16(), { api: OFFSET_DELETE.name, group });
      reader.int32(); // throttle time
      return readTopics(reader, (topic) => ({ topic, partition: reader.int32(), errorCode: reader.int16() }));
    },
  };
}
