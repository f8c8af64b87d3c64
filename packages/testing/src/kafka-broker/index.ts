export type { KafkaBroker } from './broker.js';
export { makeCertificates, type Certificates, type Identity } from './certificates.js';
export { QUICK_JVM, startKafka, type KafkaCluster, type KafkaOptions } from './cluster.js';
export { findKafka, type KafkaSource } from './source.js';
export { KAFKA_VERSION } from './versions.js';
