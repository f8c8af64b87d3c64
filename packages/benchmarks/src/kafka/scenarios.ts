import { expectedSum } from '../flow/records.js';
import { race, type Contender, type Rival } from '../harness/race.js';
import type { Scenario } from '../harness/scenario.js';
import { hello } from './hello.js';
import { latency } from './latency.js';
import { consumerPerformance, producerPerformance } from './peers/java-tools.js';
import { NodePeer } from './peers/node-peer.js';
import { platformaticPeer } from './peers/platformatic.js';
import { anew, contender, rival, type Peer } from './peers/rival.js';
import { StreamsPeer, type Guarantee } from './peers/streams.js';
import { pipeline } from './pipeline.js';
import { consume, produce, type Delivery, type Reads } from './runs.js';
import { withTopic } from './topics.js';

/** What Millrace, and who is as quick, writes, reads or changes in a round. */
const RECORDS = 2_000_000;
/** For who is much slower. */
const FEW = 400_000;

const producing: Scenario = {
  bench: 'kafka/produce',
  run: () => race({
    bench: 'kafka/produce',
    warmsUpEachRound: true,
    ours: contender({ name: 'millrace', records: RECORDS, writes: true, start: ourPeer('produce') }),
    rivals: [
      rival({ name: 'ProducerPerformance', target: 1.5, records: RECORDS, writes: true, start: () => ({ run: producerPerformance }) }),
      rival({ name: 'kafkajs', target: 8, records: FEW, writes: true, start: () => new NodePeer(new URL('./peers/kafkajs-produce.js', import.meta.url)) }),
      rival({ name: 'platformatic', target: 2.5, records: RECORDS / 2, writes: true, start: () => platformaticPeer(new URL('./peers/platformatic-produce.js', import.meta.url)) }),
    ],
  }),
};

const consuming: Scenario = {
  bench: 'kafka/consume',
  run: () => withFilled(2 * RECORDS, (from) => race({
    bench: 'kafka/consume',
    warmsUpEachRound: true,
    ours: ourConsumer(from, 'lazy'),
    rivals: [
      rival({ name: 'ConsumerPerformance', target: 2, records: 2 * RECORDS, from, writes: false, start: () => ({ run: consumerPerformance }) }),
      { ...ourConsumer(from, 'whole'), target: 1 },
      rival({ name: 'kafkajs', target: 3, records: 2 * RECORDS, from, writes: false, start: () => new NodePeer(new URL('./peers/kafkajs-consume.js', import.meta.url)) }),
    ],
  })),
};

/** How the processes of peers live: through all rounds, or anew in each. */
type Life = (start: () => Peer | Promise<Peer>) => Peer | Promise<Peer>;

const throughout: Life = (start) => start();

function transforming(bench: string, ours: (from: string) => Contender, life: Life, others: (from: string) => readonly Rival[] = () => []): Scenario {
  return {
    bench,
    run: () => withFilled(RECORDS, (from) => withFilled(FEW, (few) => race({
      bench,
      warmsUpEachRound: life === throughout,
      ours: ours(from),
      rivals: [
        streams(from, 'at_least_once', life),
        rival({ name: 'kafkajs', target: 25, records: FEW, from: few, writes: true, start: () => life(() => new NodePeer(new URL('./peers/kafkajs-transform.js', import.meta.url))) }),
        ...others(from),
      ],
    }))),
  };
}

const transformingExactlyOnce: Scenario = {
  bench: 'kafka/transform-exactly-once',
  run: () => withFilled(RECORDS, (from) => race({
    bench: 'kafka/transform-exactly-once',
    warmsUpEachRound: true,
    ours: ourTransform(from, 'exactly-once'),
    rivals: [streams(from, 'exactly_once_v2', throughout), { ...ourTransform(from, 'at-least-once'), target: 0.7 }],
  })),
};

const transformingExactlyOnceCold: Scenario = {
  bench: 'kafka/transform-exactly-once-cold',
  run: () => withFilled(RECORDS, (from) => race({
    bench: 'kafka/transform-exactly-once-cold',
    ours: ourTransform(from, 'exactly-once', { life: anew }),
    rivals: [streams(from, 'exactly_once_v2', anew)],
  })),
};

function ourConsumer(from: string, reads: Reads): Contender {
  return contender({ name: nameOf(reads), records: 2 * RECORDS, from, writes: false, start: ourPeer('consume', reads) });
}

function streams(from: string, guarantee: Guarantee, life: Life) {
  const start = async (): Promise<Peer> => {
    const peer = await StreamsPeer.start();
    return { run: (job) => peer.run(job, guarantee), close: () => peer.close() };
  };
  return rival({ name: 'Kafka Streams', target: 5, records: RECORDS, from, writes: true, start: () => life(start) });
}

/** The change of a filled topic, whose output is looked at once. */
function ourTransform(from: string, delivery: Delivery, { reads = 'lazy', life = throughout }: { readonly reads?: Reads; readonly life?: Life } = {}): Contender {
  return contender({
    name: reads === 'lazy' ? delivery : nameOf(reads), records: RECORDS, from, writes: true,
    start: () => life(ourPeer('transform', delivery, reads)),
    verify: (to) => consume(to, RECORDS, { sum: expectedSum(RECORDS) + RECORDS }),
  });
}

function ourPeer(...args: readonly string[]): () => Peer {
  return () => new NodePeer(new URL('./our-program.js', import.meta.url), { args });
}

function nameOf(reads: Reads): string {
  return reads === 'lazy' ? 'millrace' : 'whole records';
}

function withFilled<T>(records: number, use: (topic: string) => Promise<T>): Promise<T> {
  return withTopic('filled', async (topic) => {
    await produce(topic, records);
    return await use(topic);
  });
}

/** What records cost on the way to, from and through a broker, beside other clients. Whoever takes part has processes of its own, which do nothing else. */
export const kafkaScenarios: readonly Scenario[] = [
  producing,
  consuming,
  transforming('kafka/transform', (from) => ourTransform(from, 'at-least-once'), throughout, (from) => [{ ...ourTransform(from, 'at-least-once', { reads: 'whole' }), target: 1 }]),
  transformingExactlyOnce,
  transforming('kafka/transform-cold', (from) => ourTransform(from, 'at-least-once', { life: anew }), anew),
  transformingExactlyOnceCold,
  { bench: 'kafka/pipeline', run: pipeline },
  { bench: 'kafka/latency', run: latency },
  { bench: 'kafka/hello', run: hello },
];
