import { crashTest, type CrashReport } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FROM_SOURCES, KEPT } from './fixtures.js';
import { localTarget, type CrashTarget } from './target.js';

/** A crash starts a process anew, a dozen of them in a test; each wait in between has a bound of its own. */
const TIMEOUT = 180_000;

let target: CrashTarget;
beforeEach(async () => {
  target = await localTarget();
});
afterEach(() => target.close());

function crash(options: Pick<Parameters<typeof crashTest>[0], 'delivery' | 'kills' | 'seed'> & Partial<Parameters<typeof crashTest>[0]>): Promise<CrashReport> {
  return crashTest({ ...FROM_SOURCES, ...target.options, replicas: 1, partitions: 2, ...options });
}

describe('local channels between processes that are killed and halted', () => {
  it('give every record once and in order with exactly-once, and state and positions that fit', { timeout: TIMEOUT }, async () => {
    const report = await crash({ delivery: 'exactly-once', kills: 8, seed: 5 });
    expect(report).toMatchObject({ ...KEPT, kills: 8 });
    expect(report.sent).toBeGreaterThan(0);
    expect(report.zombies).toBeGreaterThan(0);
  });

  it('lose none with at-least-once', { timeout: TIMEOUT }, async () => {
    const report = await crash({ delivery: 'at-least-once', kills: 4, seed: 2 });
    expect(report).toMatchObject({ lost: 0, reordered: 0, broken: [], kills: 4 });
    expect(report.sent).toBeGreaterThan(0);
  });
});
