/**
 * Channels on Apache Kafka.
 * @module @millrace/kafka-io
 */
export { kafkaBackend, kafkaModule } from './backend.js';
export { KafkaChannelReader } from './channel/reader.js';
export { KafkaChannelWriter } from './channel/writer.js';
export { tlsFailure, tlsRemedy } from './client/index.js';
export { kafkaOptions, tlsOf, type KafkaOptions, type KafkaOptionsInput } from './options/index.js';
