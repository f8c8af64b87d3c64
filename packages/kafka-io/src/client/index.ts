export { KafkaClient } from './client.js';
export { KafkaError, protocolError, throwProtocolError, type KafkaErrorDetails, type KafkaErrorKind, type KafkaErrorPlace } from './error.js';
export { KAFKA_ERRORS, nameOfError, type KafkaErrorName } from './error-codes.js';
export * from './requests/index.js';
export type { Api, ClientOptions, KafkaNode, KafkaRequest, PartitionMetadata, SaslOptions, SendOptions, TopicMetadata, TopicPartition } from './types.js';
