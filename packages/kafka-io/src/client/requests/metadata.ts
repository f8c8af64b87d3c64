import { Buffer } from 'node:buffer';
import type { Reader } from '../protocol/reader.js';
import type { KafkaRequest, PartitionMetadata } from '../types.js';
import { throwProtocolError } from '../error.js';

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[];
  readonly clusterId: string | null;
  readonly controllerId: number;
  readonly topics: readonly {
    readonly errorCode: number;
    readonly topic: string;
    readonly topicId: string;
    readonly internal: boolean;
    readonly partitions: readonly PartitionMetadata[];
  }[];
}

const METADATA = { key: 3, name: 'Metadata', version: 10, flexible: true };
/** Stands for no topic: what is known by its name alone is asked for so. */
export const NO_TOPIC_ID: string = Buffer.alloc(16).toString('base64url');

/** Asks any node for brokers, and for topics' partitions and leaders. Creates nothing. */
export function metadata(topics: readonly string[]): KafkaRequest<ClusterMetadata> {
  return {
    api: METADATA,
    encode(writer) {
      const [create, clusterOperations, topicOperations] = [false, false, false];
      writer.compactArray(topics, (topic) => writer.uuid(NO_TOPIC_ID).compactString(topic).tags());
      writer.boolean(create).boolean(clusterOperations).boolean(topicOperations);
    },
    decode(reader) {
      reader.int32(); // throttle time
      const brokers = reader.compactArray(() => {
        const broker = { nodeId: reader.int32(), host: reader.compactString(), port: reader.int32() };
        reader.compactNullableString(); // rack
        reader.tags();
        return broker;
      });
      const clusterId = reader.compactNullableString();
      const controllerId = reader.int32();
      const described = reader.compactArray(() => {
        const topic = { errorCode: reader.int16(), topic: reader.compactString(), topicId: reader.uuid(), internal: reader.boolean(), partitions: readPartitions(reader) };
        reader.int32(); // authorized operations
        reader.tags();
        return topic;
      });
      reader.int32(); // authorized operations on the cluster
      return { brokers, clusterId, controllerId, topics: described };
    },
  };
}

function readPartitions(reader: Reader): PartitionMetadata[] {
  const partitions = reader.compactArray(() => {
    reader.int16(); // error: said by the leader, or by the lists that follow
    const partition = reader.int32();
    const leader = reader.int32();
    const leaderEpoch = reader.int32();
    const replicas = reader.compactArray(() => reader.int32());
    const isr = reader.compactArray(() => reader.int32());
    reader.compactArray(() => reader.int32()); // offline replicas
    reader.tags();
    return { partition, leader: leader < 0 ? undefined : leader, leaderEpoch, replicas, isr };
  });
  return partitions.sort((a, b) => a.partition - b.partition);
}

const FIND_COORDINATOR = { key: 10, name: 'FindCoordinator', version: 2 };

/** Asks any node which one coordinates a group or a transactional id. COORDINATOR_NOT_AVAILABLE while none does. */
export function findCoordinator(kind: 'group' | 'transaction', key: string): KafkaRequest<BrokerAddress> {
  return {
    api: FIND_COORDINATOR,
    encode(writer) {
      writer.string(key).int8(kind === 'group' ? 0 : 1);
    },
    decode(reader) {
      reader.int32(); // throttle time
      const code = reader.int16();
      throwProtocolError(code, { api: FIND_COORDINATOR.name, ...(kind === 'group' ? { group: key } : { transactionalId: key }) }, reader.nullableString());
      return { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
    },
  };
}
