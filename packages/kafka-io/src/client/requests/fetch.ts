import type { Buffer } from 'node:buffer';
import { throwProtocolError } from '../error.js';
import type { KafkaRequest, TopicPartition } from '../types.js';
import { isolationLevel, type Isolation } from './isolation.js';
import { readTopics, writeTopics } from './topics.js';

export interface FetchPartition extends TopicPartition {
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

const API = { key: 1, name: 'Fetch', version: 11 };

/** Reads record batches, waiting for some to come. Give `send` a time-out longer than `maxWait`. */
export function fetch({ isolation, maxWait, minBytes, maxBytes, partitions }: FetchArguments): KafkaRequest<FetchedPartition[]> {
  return {
    api: API,
    encode(writer) {
      const noReplica = -1;
      const noSession = 0;
      const noSessionEpoch = -1;
      writer.int32(noReplica).int32(maxWait).int32(minBytes).int32(maxBytes).int8(isolationLevel(isolation)).int32(noSession).int32(noSessionEpoch);
      writeTopics(writer, partitions, ({ partition, offset, maxBytes }) => {
        const anyLeaderEpoch = -1;
        const noLogStart = -1;
        writer.int32(partition).int32(anyLeaderEpoch).int64(offset).int64(noLogStart).int32(maxBytes);
      });
      const forgotten = 0;
      const rack = '';
      writer.int32(forgotten).string(rack);
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: API.name });
      reader.int32(); // session
      return readTopics(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const highWatermark = reader.int64();
        const lastStableOffset = reader.int64();
        const logStartOffset = reader.int64();
        const abortedTransactions = reader.array(() => ({ producerId: reader.int64(), firstOffset: reader.int64() }));
        reader.int32(); // preferred replica: only for clients that name a rack
        return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records: reader.bytes() };
      });
    },
  };
}
