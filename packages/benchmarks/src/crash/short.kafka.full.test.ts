import { sharedKafka } from '#kafka';
import { crashTest } from '@millrace/testing';
import { expect, it } from 'vitest';
import { FROM_SOURCES, KEPT } from './fixtures.js';
import { kafkaAt } from './target.js';

/** A crash starts a process anew, a dozen of them in a test; each wait in between has a bound of its own. */
const TIMEOUT = 240_000;

const { bootstrap, describe } = await sharedKafka();

describe('channels on Kafka between processes that are killed and halted', () => {
  it('give every record once and in order with exactly-once, and leave no transaction open', { timeout: TIMEOUT }, async () => {
    const { options } = await kafkaAt(bootstrap);
    const report = await crashTest({ ...FROM_SOURCES, ...options, replicas: 1, partitions: 2, delivery: 'exactly-once', kills: 5, seed: 6 });
    expect(report).toMatchObject({ ...KEPT, kills: 5 });
    expect(report.sent).toBeGreaterThan(0);
    expect(report.zombies).toBeGreaterThan(0);
  });

  it('lose none with at-least-once', { timeout: TIMEOUT }, async () => {
    const { options } = await kafkaAt(bootstrap);
    const report = await crashTest({ ...FROM_SOURCES, ...options, replicas: 1, partitions: 2, delivery: 'at-least-once', kills: 3, seed: 2 });
    expect(report).toMatchObject({ lost: 0, reordered: 0, broken: [], kills: 3 });
    expect(report.sent).toBeGreaterThan(0);
  });
});
