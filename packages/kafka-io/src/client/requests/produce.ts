import type { KafkaRequest, TopicPartition } from '../types.js';
import { readTopics, writeTopics } from './topics.js';

/** One record batch for one partition. */
export interface ProduceBatch extends TopicPartition {
  /** The batch in its wire form, format v2. Not copied: it must not change until the request is answered. */
  readonly records: Uint8Array;
}

export interface ProduceArguments {
  /** Null outside transactions. */
  readonly transactionalId: string | null;
  /** Ms that the leader waits for its followers. */
  readonly timeout: number;
  /** At most one batch per partition. */
  readonly batches: readonly ProduceBatch[];
}

export interface ProducedPartition extends TopicPartition {
  readonly errorCode: number;
  /** What the broker says beside the code. */
  readonly reason: string | null;
  /** Offset of the batch's first record; -1 where it was not appended, or was a duplicate that the broker no longer knows the place of. */
  readonly baseOffset: number;
  /** Epoch ms under log-append time, else -1. */
  readonly logAppendTime: number;
  readonly logStartOffset: number;
}

const API = { key: 0, name: 'Produce', version: 8 };

/** Appends batches; answered once all in-sync replicas have them (acks all). */
export function produce({ transactionalId, timeout, batches }: ProduceArguments): KafkaRequest<ProducedPartition[]> {
  return {
    api: API,
    encode(writer) {
      writer.nullableString(transactionalId).int16(-1).int32(timeout);
      writeTopics(writer, batches, ({ partition, records }) => writer.int32(partition).bytes(records));
    },
    decode(reader) {
      const partitions = readTopics(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const baseOffset = reader.int64();
        const logAppendTime = reader.int64();
        const logStartOffset = reader.int64();
        const ofRecords = reader.array(() => ({ index: reader.int32(), reason: reader.nullableString() }));
        const ofBatch = reader.nullableString();
        const reason = ofRecords.length === 0 ? ofBatch : [...(ofBatch === null ? [] : [ofBatch]), ...ofRecords.map(({ index, reason }) => `record ${index}: ${reason ?? 'refused'}`)].join('; ');
        return { topic, partition, errorCode, reason, baseOffset, logAppendTime, logStartOffset };
      });
      reader.int32(); // throttle time
      return partitions;
    },
  };
}
