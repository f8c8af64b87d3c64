export { tlsOf } from './credentials.js';
export { capabilitiesOf, isPypz, parseKafkaLocation, TOPIC_LENGTH, type KafkaLocation } from './location.js';
export { kafkaOptions, kafkaPortOptions, type KafkaOptions, type KafkaOptionsInput } from './options.js';
export { resolveSettings } from './resolve.js';
