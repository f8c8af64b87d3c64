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

/** Records of a round: so many that a round of each takes some seconds. */
const FEW = 200_000;
const RECORDS = 2_000_000;
const MANY = 6_000_000;

/** A topic to read, and how many records it has. */
interface Filled {
  readonly from: string;
  readonly records: number;
}

const producing: Scenario = {
  bench: 'kafka/produce',
  run: () => race({
    bench: 'kafka/produce',
    warmsUpEachRound: true,
    ours: contender({ name: 'millrace', records: RECORDS, writes: true, start: ourPeer('produce') }),
    rivals: [
      rival({ name: 'ProducerPerformance', target: 1.5, records: RECORDS, writes: true, start: () => ({ run: producerPerformance }) }),
      rival({ name: 'kafkajs', target: 8, records: 2 * FEW, writes: true, start: () => new NodePeer(new URL('./peers/kafkajs-produce.js', import.meta.url)) }),
      rival({ name: 'platformatic', target: 2.5, records: RECORDS / 2, writes: true, start: () => platformaticPeer(new URL('./peers/platformatic-produce.js', import.meta.url)) }),
    ],
  }),
};

const consuming: Scenario = {
  bench: 'kafka/consume',
  run: () => withFilled(MANY, (filled) => race({
    bench: 'kafka/consume',
    warmsUpEachRound: true,
    ours: contender({ name: 'millrace', ...filled, writes: false, start: ourPeer('consume', 'lazy') }),
    rivals: [
      rival({ name: 'ConsumerPerformance', target: 2, ...filled, writes: false, start: () => ({ run: consumerPerformance }) }),
      rival({ name: 'kafkajs', target: 3, ...filled, writes: false, start: () => new NodePeer(new URL('./peers/kafkajs-consume.js', import.meta.url)) }),
    ],
  })),
};

/** How the processes of peers live: through all rounds, or anew in each. */
type Life = (start: () => Peer | Promise<Peer>) => Peer | Promise<Peer>;

const throughout: Life = (start) => start();

/** @param life of the processes of all */
function transforming(bench: string, life: Life): Scenario {
  return {
    bench,
    run: () => withFilled(life === anew ? RECORDS : MANY, (many) => withFilled(RECORDS, (filled) => withFilled(FEW, (few) => race({
      bench,
      warmsUpEachRound: life === throughout,
      ours: ourTransform(many, 'at-least-once', { life }),
      rivals: [
        streams(filled, 'at_least_once', life),
        rival({ name: 'kafkajs', target: 25, ...few, writes: true, start: () => life(() => new NodePeer(new URL('./peers/kafkajs-transform.js', import.meta.url))) }),
      ],
    })))),
  };
}

function transformingExactlyOnce(bench: string, life: Life, others: (filled: Filled) => readonly Rival[] = () => []): Scenario {
  return {
    bench,
    run: () => withFilled(life === anew ? RECORDS : MANY, (many) => withFilled(RECORDS, (filled) => race({
      bench,
      warmsUpEachRound: life === throughout,
      ours: ourTransform(many, 'exactly-once', { life }),
      rivals: [streams(filled, 'exactly_once_v2', life), ...others(many)],
    }))),
  };
}

function streams(filled: Filled, guarantee: Guarantee, life: Life): Rival {
  const start = async (): Promise<Peer> => {
    const peer = await StreamsPeer.start();
    return { run: (job) => peer.run(job, guarantee), close: () => peer.close() };
  };
  return rival({ name: 'Kafka Streams', target: 5, ...filled, writes: true, start: () => life(start) });
}

/** The change of a filled topic, whose output is looked at once. */
function ourTransform(filled: Filled, delivery: Delivery, { reads = 'lazy', life = throughout }: { readonly reads?: Reads; readonly life?: Life } = {}): Contender {
  const { records } = filled;
  return contender({
    name: reads === 'lazy' ? delivery : 'whole records', ...filled, writes: true,
    start: () => life(ourPeer('transform', delivery, reads)),
    verify: (to) => consume(to, records, { sum: expectedSum(records) + records }),
  });
}

function ourPeer(...args: readonly string[]): () => Peer {
  return () => new NodePeer(new URL('./our-program.js', import.meta.url), { args });
}

function withFilled<T>(records: number, use: (filled: Filled) => Promise<T>): Promise<T> {
  return withTopic('filled', async (from) => {
    await produce(from, records);
    return await use({ from, records });
  });
}

/** What records cost on the way to, from and through a broker, beside other clients. Whoever takes part has processes of its own, which do nothing else. */
export const kafkaScenarios: readonly Scenario[] = [
  producing,
  consuming,
  transforming('kafka/transform', throughout),
  transformingExactlyOnce('kafka/transform-exactly-once', throughout, (filled) => [{ ...ourTransform(filled, 'at-least-once'), target: 0.7 }]),
  {
    bench: 'kafka/lazy',
    run: () => withFilled(MANY, (filled) => race({
      bench: 'kafka/lazy',
      warmsUpEachRound: true,
      ours: ourTransform(filled, 'at-least-once'),
      rivals: [{ ...ourTransform(filled, 'at-least-once', { reads: 'whole' }), target: 1 }],
    })),
  },
  transforming('kafka/transform-cold', anew),
  transformingExactlyOnce('kafka/transform-exactly-once-cold', anew),
  { bench: 'kafka/pipeline', run: pipeline },
  { bench: 'kafka/latency', run: latency },
  { bench: 'kafka/hello', run: hello },
];
