import type { KafkaRequest, TopicPartition } from '../types.js';
import { isolationLevel, type Isolation } from './isolation.js';
import { readTopics, writeTopics } from './topics.js';

export interface OffsetQuery extends TopicPartition {
  /** The log's start; its end as the isolation sees it (last stable offset or high watermark); or the first record at or after a time in epoch ms. */
  readonly at: 'earliest' | 'latest' | number;
}

export interface ListedOffset extends TopicPartition {
  readonly errorCode: number;
  /** -1 where no record is at or after the time. */
  readonly offset: number;
  /** Epoch ms of that record; -1 for both ends. */
  readonly timestamp: number;
}

const API = { key: 2, name: 'ListOffsets', version: 5 };

/** Asks partitions' leader for offsets by position or time. */
export function listOffsets(queries: readonly OffsetQuery[], isolation: Isolation): KafkaRequest<ListedOffset[]> {
  return {
    api: API,
    encode(writer) {
      const noReplica = -1;
      writer.int32(noReplica).int8(isolationLevel(isolation));
      writeTopics(writer, queries, ({ partition, at }) => {
        const anyLeaderEpoch = -1;
        writer.int32(partition).int32(anyLeaderEpoch).int64(at === 'earliest' ? -2 : at === 'latest' ? -1 : at);
      });
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readTopics(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const timestamp = reader.int64();
        const offset = reader.int64();
        reader.int32(); // leader epoch
        return { topic, partition, errorCode, offset, timestamp };
      });
    },
  };
}
