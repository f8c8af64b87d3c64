import { throwProtocolError } from '../error.js';
import type { KafkaRequest, TopicPartition } from '../types.js';
import { readCompactTopics, readTopics, writeCompactTopics, writeTopics } from './topics.js';

/** What a producer signs its batches and transactions with. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** A transactional id with the identity that it was given last. */
export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string;
}

/** The outcome for one partition, of requests that answer for each. */
export interface PartitionResult extends TopicPartition {
  readonly errorCode: number;
}

const INIT_PRODUCER_ID = { key: 22, name: 'InitProducerId', version: 4, flexible: true };

export interface InitProducerIdArguments {
  /** Null for a plain idempotent producer, which any node serves; else the transaction coordinator does. */
  readonly transactionalId: string | null;
  /** Ms after which the coordinator aborts a transaction that nobody ends. */
  readonly transactionTimeout: number;
  /** The identity held, to have its epoch raised instead of being fenced by oneself (KIP-360). */
  readonly current?: ProducerIdentity | undefined;
}

/**
 * Gives an identity. With a transactional id it fences earlier holders and aborts what they left open; CONCURRENT_TRANSACTIONS
 * until that is settled.
 */
export function initProducerId({ transactionalId, transactionTimeout, current }: InitProducerIdArguments): KafkaRequest<ProducerIdentity> {
  return {
    api: INIT_PRODUCER_ID,
    encode(writer) {
      writer.compactNullableString(transactionalId).int32(transactionTimeout);
      writer.int64(current?.producerId ?? -1).int16(current?.producerEpoch ?? -1);
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: INIT_PRODUCER_ID.name, transactionalId: transactionalId ?? undefined });
      return { producerId: reader.int64(), producerEpoch: reader.int16() };
    },
  };
}

const ADD_PARTITIONS = { key: 24, name: 'AddPartitionsToTxn', version: 2 };

/** Makes partitions part of the open transaction, or opens one; to be answered before anything is produced to them. All or none are taken. */
export function addPartitionsToTxn({ transactionalId, producerId, producerEpoch }: TransactionalProducer, partitions: readonly TopicPartition[]): KafkaRequest<PartitionResult[]> {
  return {
    api: ADD_PARTITIONS,
    encode(writer) {
      writer.string(transactionalId).int64(producerId).int16(producerEpoch);
      writeTopics(writer, partitions, ({ partition }) => writer.int32(partition));
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readTopics(reader, (topic) => ({ topic, partition: reader.int32(), errorCode: reader.int16() }));
    },
  };
}

const ADD_OFFSETS = { key: 25, name: 'AddOffsetsToTxn', version: 2 };

/** Makes the offsets of a group part of the open transaction, or opens one; {@link txnOffsetCommit} follows. */
export function addOffsetsToTxn({ transactionalId, producerId, producerEpoch }: TransactionalProducer, group: string): KafkaRequest<void> {
  return {
    api: ADD_OFFSETS,
    encode(writer) {
      writer.string(transactionalId).int64(producerId).int16(producerEpoch).string(group);
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: ADD_OFFSETS.name, transactionalId, group });
    },
  };
}

export interface OffsetToCommit extends TopicPartition {
  /** The next offset to read. */
  readonly offset: number;
  /** Kept with the offset. Default: none. */
  readonly metadata?: string | undefined;
}

const TXN_OFFSET_COMMIT = { key: 28, name: 'TxnOffsetCommit', version: 3, flexible: true };

/** Writes a group's offsets as part of the transaction. Goes to the group's coordinator, as no member of the group. */
export function txnOffsetCommit({ transactionalId, producerId, producerEpoch }: TransactionalProducer, group: string, offsets: readonly OffsetToCommit[]): KafkaRequest<PartitionResult[]> {
  return {
    api: TXN_OFFSET_COMMIT,
    encode(writer) {
      const noGeneration = -1;
      const noMember = '';
      writer.compactString(transactionalId).compactString(group).int64(producerId).int16(producerEpoch);
      writer.int32(noGeneration).compactString(noMember).compactNullableString(null);
      writeCompactTopics(writer, offsets, ({ partition, offset, metadata }) => {
        const anyLeaderEpoch = -1;
        writer.int32(partition).int64(offset).int32(anyLeaderEpoch).compactNullableString(metadata ?? '').tags();
      });
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readCompactTopics(reader, (topic) => {
        const result = { topic, partition: reader.int32(), errorCode: reader.int16() };
        reader.tags();
        return result;
      });
    },
  };
}

const END_TXN = { key: 26, name: 'EndTxn', version: 2 };

/** Commits or aborts the open transaction. Answered once that is decided; markers reach the partitions a little later. */
export function endTxn({ transactionalId, producerId, producerEpoch }: TransactionalProducer, outcome: 'commit' | 'abort'): KafkaRequest<void> {
  return {
    api: END_TXN,
    encode(writer) {
      writer.string(transactionalId).int64(producerId).int16(producerEpoch).boolean(outcome === 'commit');
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: END_TXN.name, transactionalId });
    },
  };
}
