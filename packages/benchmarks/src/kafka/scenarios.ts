import { expectedSum } from '../flow/records.js';
import { race, type Contender } from '../harness/race.js';
import type { Scenario } from '../harness/scenario.js';
import { consume, produce, transform } from './runs.js';
import { closeTopics, countOffsets, withTopic } from './topics.js';

/** What Millrace writes, reads or changes in a round. */
const RECORDS = 2_000_000;

const produceScenario: Scenario = {
  bench: 'kafka/produce',
  run: async () => {
    const ours: Contender = { name: 'millrace', records: RECORDS, run: () => withTopic('produce', async (topic) => {
      const measured = await produce(topic, RECORDS);
      const stored = await countOffsets(topic);
      if (stored !== RECORDS) throw new Error(`${stored} of ${RECORDS} records are stored`);
      return measured;
    }) };
    return await race({ bench: 'kafka/produce', ours, rivals: [] });
  },
};

const consumeScenario: Scenario = {
  bench: 'kafka/consume',
  run: () => withFilled(async (topic) => {
    const ours: Contender = { name: 'millrace', records: RECORDS, run: () => consume(topic, RECORDS) };
    return await race({ bench: 'kafka/consume', ours, rivals: [] });
  }),
};

const transformScenario: Scenario = {
  bench: 'kafka/transform',
  run: () => withFilled(async (from) => race({ bench: 'kafka/transform', ours: ourTransform(from, 'at-least-once'), rivals: [] })),
};

const exactlyOnceScenario: Scenario = {
  bench: 'kafka/transform-exactly-once',
  run: () => withFilled(async (from) => race({
    bench: 'kafka/transform-exactly-once',
    ours: ourTransform(from, 'exactly-once'),
    rivals: [{ ...ourTransform(from, 'at-least-once'), target: 0.7 }],
  })),
};

/** The change of a filled topic, whose output is looked at once. */
function ourTransform(from: string, delivery: 'at-least-once' | 'exactly-once'): Contender {
  let verified = false;
  return { name: delivery, records: RECORDS, run: () => withTopic('transform', async (to) => {
    const measured = await transform(from, to, { delivery });
    if (!verified) await consume(to, RECORDS, expectedSum(RECORDS) + RECORDS);
    verified = true;
    return measured;
  }) };
}

function withFilled<T>(use: (topic: string) => Promise<T>): Promise<T> {
  return withTopic('filled', async (topic) => {
    await produce(topic, RECORDS);
    return await use(topic);
  });
}

/** What records cost on the way to, from and through a broker, beside other clients. */
export const kafkaScenarios: readonly Scenario[] = [produceScenario, consumeScenario, transformScenario, exactlyOnceScenario].map((scenario) => ({
  bench: scenario.bench,
  run: () => scenario.run().finally(closeTopics),
}));
