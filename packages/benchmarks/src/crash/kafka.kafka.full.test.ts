import { ownKafka } from '#kafka';
import { crashTest, type Blow, type Disturbance } from '@millrace/testing';
import { startKafka, type KafkaBroker, type KafkaCluster } from '@millrace/testing/kafka';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FROM_SOURCES, KEPT } from './fixtures.js';
import { kafkaAt } from './target.js';

const { describe } = await ownKafka();

describe('three brokers', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ brokers: 3, proxied: true });
  }, 180_000);
  afterAll(() => cluster.close());

  let turn = 0;
  const next = (): KafkaBroker => cluster.brokers[turn++ % 3] as KafkaBroker;

  /** What goes wrong, and how it is mended. Leaders of partitions move with the first two. */
  const disturbances: readonly Disturbance[] = [
    { name: 'a broker is killed and comes back', run: async () => void (await comesBack(next(), (broker) => broker.kill())) },
    { name: 'a broker is restarted in order, its partitions led by others meanwhile', run: async () => void (await comesBack(next(), (broker) => broker.stop())) },
    { name: 'a broker is halted and goes on', run: () => standsStill(next()) },
    { name: 'connections are cut', run: async () => cluster.brokers.forEach(({ proxy }) => proxy.cut()) },
    { name: 'answers of a broker are lost on the way', run: () => losesAnswers(next()) },
  ];

  it.each(disturbances)('$name: exactly-once holds, with a kill beside it', { timeout: 600_000 }, async (disturbance) => {
    await crashBeside(disturbance, 'exactly-once').then((report) => expect(report).toMatchObject({ ...KEPT, kills: 2, disturbances: 3 }));
  });

  it.each(disturbances)('$name: at-least-once loses none', { timeout: 600_000 }, async (disturbance) => {
    await crashBeside(disturbance, 'at-least-once').then((report) => expect(report).toMatchObject({ lost: 0, reordered: 0, broken: [], disturbances: 3 }));
  });

  async function crashBeside(disturbance: Disturbance, delivery: 'at-least-once' | 'exactly-once') {
    const { options } = await kafkaAt(cluster.bootstrap);
    const disturb: Blow = { kind: 'disturb', victims: [0], moment: { after: 0 }, pause: 0 };
    const kill = (victim: number): Blow => ({ kind: 'kill', victims: [victim], moment: { after: 200 }, pause: 0 });
    return await crashTest({ ...FROM_SOURCES, ...options, delivery, replicas: 1, partitions: 3, disturbances: [disturbance], schedule: [kill(1), disturb, disturb, kill(2), disturb] });
  }
});

describe('a whole group of zombies on Kafka', () => {
  it.each(['exactly-once', 'at-least-once'] as const)('is found out by itself, %s', { timeout: 600_000 }, async (delivery) => {
    const cluster = await startKafka();
    try {
      const { options } = await kafkaAt(cluster.bootstrap);
      const everybody: Blow = { kind: 'replace', victims: [0, 1, 2, 3, 4, 5], moment: { after: 300 }, pause: 0 };
      const atPoint: Blow = { ...everybody, moment: { point: 'after-ack', hits: 3 } };
      const report = await crashTest({ ...FROM_SOURCES, ...options, delivery, schedule: [everybody, atPoint] });
      expect(report).toMatchObject({ lost: 0, reordered: 0, broken: [], zombies: 12 });
    } finally {
      await cluster.close();
    }
  });
});

async function comesBack(broker: KafkaBroker, end: (broker: KafkaBroker) => Promise<void>): Promise<void> {
  await end(broker);
  await sleep(1_000);
  await broker.start();
}

async function standsStill(broker: KafkaBroker): Promise<void> {
  await broker.freeze();
  await sleep(4_000);
  await broker.thaw();
}

async function losesAnswers({ proxy }: KafkaBroker): Promise<void> {
  proxy.swallow('answers');
  await sleep(1_000);
  await proxy.heal();
}
