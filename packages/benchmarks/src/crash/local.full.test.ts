import { crashTest, type Blow, type WorkerSample } from '@millrace/testing';
import { expect, it } from 'vitest';
import { FROM_SOURCES, KEPT } from './fixtures.js';
import { localTarget } from './target.js';

it.each([11, 12, 13])('40 kills of six processes over a folder, seed %i, break nothing', { timeout: 600_000 }, async (seed) => {
  const target = await localTarget();
  try {
    expect(await crashTest({ ...FROM_SOURCES, ...target.options, delivery: 'exactly-once', kills: 40, seed })).toMatchObject({ ...KEPT, kills: 40 });
  } finally {
    await target.close();
  }
});

it('a whole group of zombies is found out by itself', { timeout: 600_000 }, async () => {
  const target = await localTarget();
  try {
    const schedule: Blow[] = [{ kind: 'replace', victims: [0, 1, 2, 3, 4, 5], moment: { after: 300 }, pause: 0 }];
    expect(await crashTest({ ...FROM_SOURCES, ...target.options, delivery: 'exactly-once', schedule })).toMatchObject({ ...KEPT, zombies: 6 });
  } finally {
    await target.close();
  }
});

it('memory and handles of processes that nobody kills stay where they are', { timeout: 600_000 }, async () => {
  const target = await localTarget();
  const samples = new Map<string, WorkerSample[]>();
  try {
    const onSample = (process: string, sample: WorkerSample): void => void samples.set(process, [...(samples.get(process) ?? []), sample]);
    expect(await crashTest({ ...FROM_SOURCES, ...target.options, delivery: 'exactly-once', replicas: 1, duration: 60_000, onSample })).toMatchObject(KEPT);
  } finally {
    await target.close();
  }
  expect(samples.size).toBe(3);
  for (const of of samples.values()) {
    const half = Math.floor(of.length / 2);
    const most = (part: readonly WorkerSample[], what: keyof WorkerSample): number => Math.max(...part.map((sample) => sample[what]));
    expect(most(of.slice(half), 'heap')).toBeLessThan(2 * most(of.slice(0, half), 'heap') + 16);
    expect(most(of.slice(half), 'handles')).toBeLessThan(most(of.slice(0, half), 'handles') + 8);
  }
});
