import { Kafka, logLevel } from 'kafkajs';
import type { Measured } from '../../harness/race.js';
import { startStopwatch } from '../../harness/stopwatch.js';
import { serve } from './serve.js';

/** From the moment when it has its partitions to the last record; values stay as they are. */
serve(async ({ bootstrap, records, from = '', group }) => {
  const consumer = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR }).consumer({ groupId: group });
  await consumer.connect();
  await consumer.subscribe({ topic: from, fromBeginning: true });
  let stop = startStopwatch();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    stop = startStopwatch();
  });
  const measured = await new Promise<Measured>((resolve, reject) => {
    let received = 0;
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({
      eachBatch: async ({ batch }) => {
        received += batch.messages.length;
        if (received >= records) resolve(stop());
      },
    }).catch(reject);
  });
  await consumer.disconnect();
  return measured;
});
