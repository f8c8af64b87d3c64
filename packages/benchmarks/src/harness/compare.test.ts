import { expect, it } from 'vitest';
import { compare, type Side } from './compare.js';

/** A side that takes a given time per record: the next of a list in each run, then the last again and again. */
function side(name: string, log: string[], secondsPerRecord: readonly number[]): Side {
  let runs = 0;
  return {
    name,
    run: async (records) => {
      log.push(`${name} ${records}`);
      return records * secondsPerRecord[Math.min(runs++, secondsPerRecord.length - 1)]!;
    },
  };
}

it('warms up until a round is long enough, and then measures both sides in turn', async () => {
  const log: string[] = [];
  const figure = await compare({ bench: 'suite/scenario', ours: side('ours', log, [2e-6]), peer: side('peer', log, [1e-6]), target: 0.4 }, { rounds: 2, seconds: 1 });
  const counted = log.slice(-4);
  expect(new Set(counted.map((line) => line.split(' ')[1])).size).toBe(1);
  expect(Number(counted[0]!.split(' ')[1]) * 1e-6).toBeGreaterThanOrEqual(1);
  expect(log.map((line) => line.split(' ')[0])).toEqual(log.map((_, i) => (i % 2 === 0 ? 'ours' : 'peer')));
  expect(figure).toEqual({ bench: 'suite/scenario', value: expect.closeTo(500_000), unit: 'records/s', peer: { name: 'peer', value: expect.closeTo(1_000_000), ratio: expect.closeTo(0.5) }, target: { at: 'least', value: 0.4 } });
});

it('counts no warm-up round, and pairs each round with the one after it', async () => {
  const log: string[] = [];
  // One warm-up round each; then the rates are 1, 1/2, 1/4 and 1/2, 1/2, 1/2 per second.
  const figure = await compare({ bench: 'suite/scenario', ours: side('ours', log, [9, 1, 2, 4]), peer: side('peer', log, [9, 2, 2, 2]), target: 1 }, { rounds: 3, seconds: 1 });
  expect(log).toHaveLength(8);
  expect(figure).toMatchObject({ value: 0.5, peer: { value: 0.5, ratio: 1 } });
});
