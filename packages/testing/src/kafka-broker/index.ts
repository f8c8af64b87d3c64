/**
 * A real Apache Kafka for tests.
 * @module @millrace/testing/kafka
 */
export type { KafkaBroker } from './broker.js';
export { makeCertificates, type Certificates, type Identity } from './certificates.js';
export { QUICK_JVM, startKafka, type KafkaCluster, type KafkaOptions } from './cluster.js';
export type { ListenerName } from './listeners.js';
export { FaultProxy, type Way } from './proxy.js';
export { findKafka, type KafkaSource } from './source.js';
export { runKafkaTool, type KafkaTool, type KafkaToolOptions } from './tools.js';
