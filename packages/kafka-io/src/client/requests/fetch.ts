import type { Buffer } from 'node:buffer';
import { throwProtocolError } from '../error.js';
import type { KafkaRequest, TopicPartition } from '../types.js';
import { isolationLevel, type Isolation } from './isolation.js';
import { readTopicIds, writeTopicIds } from './topics.js';

export interface FetchPartition extends TopicPartition {
  /** The topic that is meant, which may have gone while another one has its name. */
  readonly topicId: string;
  /** Offset to read from. */
  readonly offset: number;
  /** Bytes at most; the first batch comes whole even so, where it is the first of the answer. */
  readonly maxBytes: number;
}

export interface FetchArguments {
  readonly isolation: Isolation;
  /** Ms that the broker waits for `minBytes`. */
  readonly maxWait: number;
  readonly minBytes: number;
  /** Bytes of the whole answer, at most. */
  readonly maxBytes: number;
  /** Those named first are filled first. */
  readonly partitions: readonly FetchPartition[];
}

export interface AbortedTransaction {
  readonly producerId: number;
  /** Offset of its first record. */
  readonly firstOffset: number;
}

export interface FetchedPartition extends TopicPartition {
  readonly topicId: string;
  readonly errorCode: number;
  /** Offset up to which all in-sync replicas have the records; -1 with an error. */
  readonly highWatermark: number;
  /** Offset up to which transactions are decided: where read_committed ends. */
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** With read_committed: aborted ones that touch the range, in no order. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Record batches, the last one maybe cut off; a view of the answer's own buffer, which nobody writes again. */
  readonly records: Buffer;
}

const API = { key: 1, name: 'Fetch', version: 13, flexible: true };

/** Reads record batches, waiting for some to come. Give `send` a time-out longer than `maxWait`. UNKNOWN_TOPIC_ID for a topic that went. */
export function fetch({ isolation, maxWait, minBytes, maxBytes, partitions }: FetchArguments): KafkaRequest<FetchedPartition[]> {
  return {
    api: API,
    encode(writer) {
      const noReplica = -1;
      const noSession = 0;
      const noSessionEpoch = -1;
      writer.int32(noReplica).int32(maxWait).int32(minBytes).int32(maxBytes).int8(isolationLevel(isolation)).int32(noSession).int32(noSessionEpoch);
      writeTopicIds(writer, partitions, ({ partition, offset, maxBytes }) => {
        const anyLeaderEpoch = -1;
        const noFetchedEpoch = -1;
        const noLogStart = -1;
        writer.int32(partition).int32(anyLeaderEpoch).int64(offset).int32(noFetchedEpoch).int64(noLogStart).int32(maxBytes).tags();
      });
      const rack = '';
      writer.compactArray([], () => {}).compactString(rack); // nothing is forgotten without a session
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: API.name });
      reader.int32(); // session
      const names = new Map(partitions.map(({ topicId, topic }) => [topicId, topic]));
      return readTopicIds(reader, (topicId) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const highWatermark = reader.int64();
        const lastStableOffset = reader.int64();
        const logStartOffset = reader.int64();
        const abortedTransactions = reader.compactArray(() => {
          const aborted = { producerId: reader.int64(), firstOffset: reader.int64() };
          reader.tags();
          return aborted;
        });
        reader.int32(); // preferred replica: only for clients that name a rack
        const records = reader.compactBytes();
        reader.tags();
        return { topicId, topic: names.get(topicId) ?? '', partition, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records };
      });
    },
  };
}
