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
    readonly internal: boolean;
    readonly partitions: readonly PartitionMetadata[];
  }[];
}

const METADATA = { key: 3, name: 'Metadata', version: 7 };

/** Asks any node for brokers, and for topics' partitions and leaders. Creates nothing. */
export function metadata(topics: readonly string[]): KafkaRequest<ClusterMetadata> {
  return {
    api: METADATA,
    encode(writer) {
      writer.array(topics, (topic) => writer.string(topic)).boolean(false);
    },
    decode(reader) {
      reader.int32(); // throttle time
      const brokers = reader.array(() => {
        const broker = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
        reader.nullableString(); // rack
        return broker;
      });
      const clusterId = reader.nullableString();
      const controllerId = reader.int32();
      const described = reader.array(() => ({
        errorCode: reader.int16(),
        topic: reader.string(),
        internal: reader.boolean(),
        partitions: reader
          .array(() => {
            reader.int16(); // error: said by the leader, or by the lists that follow
            const partition = reader.int32();
            const leader = reader.int32();
            const leaderEpoch = reader.int32();
            const replicas = reader.array(() => reader.int32());
            const isr = reader.array(() => reader.int32());
            reader.array(() => reader.int32()); // offline replicas
            return { partition, leader: leader < 0 ? undefined : leader, leaderEpoch, replicas, isr };
          })
          .sort((a, b) => a.partition - b.partition),
      }));
      return { brokers, clusterId, controllerId, topics: described };
    },
  };
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
