export { KafkaClient } from './client.js';
export { KafkaError, protocolError } from './error.js';
export { KAFKA_ERRORS } from './error-codes.js';
export * from './requests/index.js';
export { tlsFailure, tlsRemedy } from './tls-failure.js';
export type { ClientOptions, KafkaNode, KafkaRequest, TopicMetadata, TopicPartition } from './types.js';
