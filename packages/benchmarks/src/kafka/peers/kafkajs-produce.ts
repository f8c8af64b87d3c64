import { Kafka, logLevel } from 'kafkajs';
import { startStopwatch } from '../../harness/stopwatch.js';
import { PAYLOADS } from './payloads.js';
import { serve } from './serve.js';

/** Records of a `send`, which is waited for before the next. */
const BATCH = 1000;

serve(async ({ bootstrap, records, to = '' }) => {
  const producer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).producer();
  await producer.connect();
  const stop = startStopwatch();
  for (let sent = 0; sent < records; sent += BATCH) {
    const messages = Array.from({ length: Math.min(BATCH, records - sent) }, (_, i) => ({ value: PAYLOADS[(sent + i) & 255]! }));
    await producer.send({ topic: to, messages, acks: -1 });
  }
  const measured = stop();
  await producer.disconnect();
  return measured;
});
