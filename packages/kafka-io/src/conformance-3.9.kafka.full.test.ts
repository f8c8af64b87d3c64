import { ownKafka } from '#kafka';
import { registerChannelConformance } from '@millrace/testing';
import { startKafka, type KafkaCluster } from '@millrace/testing/kafka';
import { afterAll, beforeAll, it } from 'vitest';
import { kafkaBackend } from './index.js';

const VERSION = '3.9';
const { describe } = await ownKafka(VERSION);

describe('the oldest Kafka that is supported', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => void (cluster = await startKafka({ version: VERSION })));
  afterAll(() => cluster.close());
  registerChannelConformance({ describe, it }, () => ({ backend: kafkaBackend, location: `kafka://${cluster.bootstrap}` }), { title: `Kafka ${VERSION}`, capabilities: kafkaBackend.capabilities('kafka://localhost:9092') });
});
