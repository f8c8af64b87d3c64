import type { Logger } from '@millrace/core';
import type { ConnectionOptions } from 'node:tls';
import type { Reader } from './protocol/reader.js';
import type { Writer } from './protocol/writer.js';

/** A user that the brokers know. */
export interface SaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** How a cluster is reached. Durations in ms. */
export interface ClientOptions {
  /** Where to ask first, `host:port` each; the cluster names the rest. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs, metrics and quotas. */
  readonly clientId: string;
  /** TLS as Node's `tls.connect` takes it; `true` with the system's authorities. */
  readonly tls?: boolean | ConnectionOptions | undefined;
  readonly sasl?: SaslOptions | undefined;
  /** Until a connection is there, TLS and SASL included. Default 10,000. */
  readonly connectionTimeout?: number | undefined;
  /** Until a request is answered, where it names no time-out of its own. Default 30,000. */
  readonly requestTimeout?: number | undefined;
  /** Told of connections made and lost, at debug. Default: nothing is told. */
  readonly logger?: Logger | undefined;
}

/**
 * One kind of request in Kafka's protocol, in the one version that is spoken here: the lowest that has all that is asked of it, so
 * that brokers from 3.1 on, and 4.x after KIP-896, know it.
 */
export interface Api {
  readonly key: number;
  readonly name: string;
  readonly version: number;
  /** Compact strings and tagged fields (KIP-482), in the headers too. */
  readonly flexible?: boolean;
}

/** A request ready to be sent to any node, with what its answer means. Made by the functions of `requests/`. */
export interface KafkaRequest<T> {
  readonly api: Api;
  /** Writes the body, its last tagged fields aside. Called once, when the request goes out. */
  encode(writer: Writer): void;
  /**
   * Reads the body of the answer, its last tagged fields aside. Errors that concern the request as a whole are thrown; those of single topics and partitions
   * are given as `errorCode`, 0 for none.
   * @throws KafkaError
   */
  decode(reader: Reader): T;
}

export interface SendOptions {
  /** Ms from the call until the answer. Default: {@link ClientOptions.requestTimeout}. */
  readonly timeout?: number | undefined;
}

/** A broker over one connection of its own, which is made when first used and made anew after a loss. */
export interface KafkaNode {
  readonly nodeId: number;
  /**
   * Sends a request; the order of calls is the order on the wire, and any number may be under way. What waits for the connection
   * goes out once it is there. A lost connection rejects all that is under way: whether the broker acted on it is unknown.
   * @throws KafkaError of kind `connection`, `timeout`, `authentication`, `unsupported`, `closed`; `protocol` where the answer is a refusal as a whole
   */
  send<T>(request: KafkaRequest<T>, options?: SendOptions): Promise<T>;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionMetadata {
  readonly partition: number;
  /** Node that leads it; undefined while nobody does. */
  readonly leader: number | undefined;
  /** -1 where unknown. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  /** Replicas in sync. */
  readonly isr: readonly number[];
}

export interface TopicMetadata {
  readonly topic: string;
  /** Another one for each topic that is made, be it under the name of one that was deleted. */
  readonly topicId: string;
  /** Made by Kafka itself: `__consumer_offsets` and such. */
  readonly internal: boolean;
  /** In the order of their numbers, from 0. */
  readonly partitions: readonly PartitionMetadata[];
}
