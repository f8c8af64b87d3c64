import { expect, it } from 'vitest';
import { isMet } from './figure.js';
import { race, type Contender } from './race.js';

/** A contender whose runs take these seconds, one after the other. */
function contender(name: string, log: string[], seconds: readonly number[]): Contender {
  let runs = 0;
  return { name, records: 100, run: async () => {
    log.push(name);
    return { seconds: seconds[runs++]!, cpuSeconds: 0.0002 };
  } };
}

it('measures all in turn, counts no first round, and pairs the rates of a round', async () => {
  const log: string[] = [];
  const ours = contender('ours', log, [9, 1, 2, 4]);
  const figures = await race({ bench: 'suite/scenario', ours, rivals: [{ ...contender('one', log, [9, 2, 2, 2]), target: 1 }, { ...contender('two', log, [9, 1, 4, 8]), target: 2 }] }, 3);
  expect(log).toEqual(Array.from({ length: 4 }, () => ['ours', 'one', 'two']).flat());
  expect(figures).toEqual([
    { bench: 'suite/scenario', value: 50, unit: 'records/s', cpu: expect.closeTo(2), peer: { name: 'one', value: 50, ratio: 1, cpu: expect.closeTo(2) }, target: { at: 'least', value: 1 } },
    { bench: 'suite/scenario', value: 50, unit: 'records/s', cpu: expect.closeTo(2), peer: { name: 'two', value: 25, ratio: 2, cpu: expect.closeTo(2) }, target: { at: 'least', value: 2 } },
  ]);
});

it('has each run that counts come behind one that does not, where contenders are to be warm', async () => {
  const log: string[] = [];
  const figures = await race({ bench: 'suite/scenario', warmsUpEachRound: true, ours: contender('ours', log, [9, 1, 9, 2]), rivals: [{ ...contender('one', log, [8, 2, 8, 4]), target: 1 }] }, 2);
  expect(log).toEqual(['ours', 'ours', 'one', 'one', 'ours', 'ours', 'one', 'one']);
  expect(figures).toMatchObject([{ value: 75, peer: { value: 37.5, ratio: 2 } }]);
});

it('fails where ours does', async () => {
  const ours = { ...contender('ours', [], []), run: async () => Promise.reject(new Error('broken')) };
  await expect(race({ bench: 'suite/scenario', ours, rivals: [] }, 2)).rejects.toThrow('broken');
});

it('gives a figure of ours alone where there is no rival', async () => {
  expect(await race({ bench: 'suite/scenario', ours: contender('ours', [], [9, 1, 2, 4]), rivals: [] }, 3)).toEqual([{ bench: 'suite/scenario', value: 50, unit: 'records/s', cpu: expect.closeTo(2) }]);
});

it('leaves out a rival that fails, says why, and lets the others go on', async () => {
  const log: string[] = [];
  const closed: string[] = [];
  const broken = { ...contender('broken', log, []), target: 1, run: async () => Promise.reject(new Error('not installed')), close: () => void closed.push('broken') };
  const figures = await race({ bench: 'suite/scenario', ours: contender('ours', log, [9, 1, 1]), rivals: [broken, { ...contender('one', log, [9, 2, 2]), target: 1 }] }, 2);
  expect(figures).toEqual([
    { bench: 'suite/scenario', value: 100, unit: 'records/s', cpu: expect.closeTo(2), missing: { name: 'broken', why: 'not installed' }, target: { at: 'least', value: 1 } },
    expect.objectContaining({ peer: { name: 'one', value: 50, ratio: 2, cpu: expect.closeTo(2) } }),
  ]);
  expect(figures.map(isMet)).toEqual([false, true]);
  expect(closed).toEqual(['broken']);
});
