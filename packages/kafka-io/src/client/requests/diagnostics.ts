import { throwProtocolError } from '../error.js';
import type { KafkaRequest, TopicPartition } from '../types.js';
import { readCompactTopics, writeCompactTopics } from './topics.js';
import type { ProducerIdentity } from './transactions.js';

export interface ListedTransaction {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly state: string;
}

const LIST_TRANSACTIONS = { key: 66, name: 'ListTransactions', version: 0, flexible: true };

/** Transactional ids that a node coordinates, of the given states (`Ongoing`, `PrepareCommit`, …) or all (KIP-664). */
export function listTransactions(states: readonly string[] = []): KafkaRequest<ListedTransaction[]> {
  return {
    api: LIST_TRANSACTIONS,
    encode(writer) {
      writer.compactArray(states, (state) => writer.compactString(state)).compactArray([], () => {});
    },
    decode(reader) {
      reader.int32(); // throttle time
      throwProtocolError(reader.int16(), { api: LIST_TRANSACTIONS.name });
      reader.compactArray(() => reader.compactString()); // states that the broker does not know
      return reader.compactArray(() => {
        const listed = { transactionalId: reader.compactString(), producerId: reader.int64(), state: reader.compactString() };
        reader.tags();
        return listed;
      });
    },
  };
}

export interface DescribedTransaction extends ListedTransaction {
  readonly errorCode: number;
  readonly producerEpoch: number;
  /** Ms. */
  readonly timeout: number;
  /** Epoch ms; -1 where none is open. */
  readonly startedAt: number;
  readonly partitions: readonly TopicPartition[];
}

const DESCRIBE_TRANSACTIONS = { key: 65, name: 'DescribeTransactions', version: 0, flexible: true };

/** What transactional ids are at; for their coordinator. TRANSACTIONAL_ID_NOT_FOUND for one that it does not know. */
export function describeTransactions(transactionalIds: readonly string[]): KafkaRequest<DescribedTransaction[]> {
  return {
    api: DESCRIBE_TRANSACTIONS,
    encode(writer) {
      writer.compactArray(transactionalIds, (id) => writer.compactString(id));
    },
    decode(reader) {
      reader.int32(); // throttle time
      return reader.compactArray(() => {
        const described = {
          errorCode: reader.int16(),
          transactionalId: reader.compactString(),
          state: reader.compactString(),
          timeout: reader.int32(),
          startedAt: reader.int64(),
          producerId: reader.int64(),
          producerEpoch: reader.int16(),
          partitions: readCompactTopics(reader, (topic) => ({ topic, partition: reader.int32() })),
        };
        reader.tags();
        return described;
      });
    },
  };
}

export interface ActiveProducer extends ProducerIdentity {
  readonly lastSequence: number;
  /** Offset where its open transaction begins; -1: none is open. */
  readonly transactionStart: number;
}

export interface DescribedProducers extends TopicPartition {
  readonly errorCode: number;
  readonly reason: string | null;
  readonly producers: readonly ActiveProducer[];
}

const DESCRIBE_PRODUCERS = { key: 61, name: 'DescribeProducers', version: 0, flexible: true };

/** Producers that partitions remember, with their open transactions; for their leader (KIP-664). */
export function describeProducers(partitions: readonly TopicPartition[]): KafkaRequest<DescribedProducers[]> {
  return {
    api: DESCRIBE_PRODUCERS,
    encode(writer) {
      writeCompactTopics(writer, partitions, ({ partition }) => writer.int32(partition));
    },
    decode(reader) {
      reader.int32(); // throttle time
      return readCompactTopics(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const reason = reader.compactNullableString();
        const producers = reader.compactArray(() => {
          const producerId = reader.int64();
          const producerEpoch = reader.int32();
          const lastSequence = reader.int32();
          reader.int64(); // last timestamp
          reader.int32(); // coordinator epoch
          const transactionStart = reader.int64();
          reader.tags();
          return { producerId, producerEpoch, lastSequence, transactionStart };
        });
        reader.tags();
        return { topic, partition, errorCode, reason, producers };
      });
    },
  };
}
