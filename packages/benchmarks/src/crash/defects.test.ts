import { crashTest, type CrashReport, type CrashTestOptions } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Defect } from './defective-backend.js';
import { FROM_SOURCES } from './fixtures.js';
import { localTarget, type CrashTarget } from './target.js';

const TIMEOUT = 180_000;

let target: CrashTarget;
beforeEach(async () => {
  target = await localTarget();
});
afterEach(() => target.close());

async function crashWith(defect: Defect, options: Pick<CrashTestOptions, 'kills' | 'seed' | 'schedule' | 'zombieWithin'>): Promise<CrashReport> {
  return await crashTest({
    ...FROM_SOURCES, ...target.options, zombieWithin: 3_000, ...options, delivery: 'exactly-once', replicas: 1, partitions: 2,
    worker: new URL('./defective-worker.ts', import.meta.url), env: { MILLRACE_DEFECT: defect },
  });
}

describe('the crash tester finds', () => {
  it('a commit that is skipped', { timeout: TIMEOUT }, async () => {
    const { lost, broken } = await crashWith('skipped-commit', { kills: 1, seed: 1 });
    expect(lost).toBeGreaterThan(0);
    expect(broken).toContain(`${lost} acknowledged records were lost`);
  });

  it('a commit before the records are stored', { timeout: TIMEOUT }, async () => {
    const { lost } = await crashWith('commit-before-flush', { kills: 6, seed: 2 });
    expect(lost).toBeGreaterThan(0);
  });

  it('a fence that is missing', { timeout: TIMEOUT }, async () => {
    const source = { kind: 'replace', victims: [0], moment: { after: 300 }, pause: 0 } as const;
    const { duplicated, broken } = await crashWith('missing-fence', { schedule: [source], zombieWithin: 8_000 });
    expect(duplicated).toBeGreaterThan(0);
    expect(broken).toContain(`${duplicated} records came out more than once`);
  });
});
