import avsc from 'avsc';
import { Kafka, logLevel } from 'kafkajs';
import { Reading } from '../../flow/records.js';
import type { Measured } from '../../harness/race.js';
import { startStopwatch } from '../../harness/stopwatch.js';
import { serve } from './serve.js';

const type = avsc.Type.forSchema(JSON.parse(Reading.schema) as avsc.Schema);

/** The program that one writes with kafkajs and avsc: each batch is decoded, changed, encoded, sent, and its offsets are committed. */
serve(async ({ bootstrap, records, from = '', to = '', group }) => {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR });
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: group });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: from, fromBeginning: true });
  let stop = startStopwatch();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    stop = startStopwatch();
  });
  const measured = await new Promise<Measured>((resolve, reject) => {
    let changed = 0;
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer.run({
      eachBatch: async ({ batch }) => {
        const messages = batch.messages.map(({ value }) => {
          const { text, n } = type.fromBuffer(value ?? Buffer.alloc(0)) as Reading;
          return { value: type.toBuffer({ text, n: n + 1 }) };
        });
        await producer.send({ topic: to, messages, acks: -1 });
        changed += messages.length;
        if (changed >= records) resolve(stop());
      },
    }).catch(reject);
  });
  await Promise.all([consumer.disconnect(), producer.disconnect()]);
  return measured;
});
