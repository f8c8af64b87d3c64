import { sharedKafka } from '#kafka';
import { expect, it } from 'vitest';
import { range, until, workshops } from './fixtures.js';

const { bootstrap, describe } = await sharedKafka();
const make = workshops();
const PARTITIONS = 6;

describe('replicas on Kafka', () => {
  it.each(['exactly-once', 'at-least-once'] as const)('are rescaled while records flow, and the next start goes on with those of its plan: %s', async (delivery) => {
    const shop = make();
    const work = { replicas: 2, delivery, ports: { numbers: { partitions: PARTITIONS } } } as const;
    const options = { location: `kafka://${bootstrap}` };
    const run = await shop.start({ count: 1e9, work, options });
    await until('some results', () => shop.results.length > 50);
    for (const replicas of [4, 1, 3]) {
      await run.rescale('work', replicas);
      const { length } = shop.results;
      await until(`results of ${replicas} replicas`, () => range(replicas).every((replica) => shop.results.slice(length).some((result) => result.replica === replica)));
    }
    expect((await run.stop()).outcome).toBe('drained');
    expect((await (await shop.start({ count: shop.results.length + 100, work, options })).completed).outcome).toBe('done');
    const { results, numbers } = shop;
    expect([...numbers].sort((a, b) => a - b)).toEqual(range(numbers.length));
    for (const partition of range(PARTITIONS)) {
      const of = results.filter((result) => result.partition === partition);
      expect(of.map(({ seen }) => seen)).toEqual(of.map((_, i) => i + 1));
      expect(of.map(({ n }) => n)).toEqual(of.map(({ n }) => n).sort((a, b) => a - b));
    }
    expect(shop.told('error')).toEqual([]);
  });
});
