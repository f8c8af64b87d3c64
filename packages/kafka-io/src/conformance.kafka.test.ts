import { sharedKafka } from '#kafka';
import { registerChannelConformance } from '@millrace/testing';
import { it } from 'vitest';
import { kafkaBackend } from './index.js';

const { bootstrap, describe } = await sharedKafka();
const location = `kafka://${bootstrap || 'localhost:9092'}`;
registerChannelConformance({ describe, it }, () => ({ backend: kafkaBackend, location }), { title: 'Kafka', capabilities: kafkaBackend.capabilities(location) });
