import { describe, expect, it } from 'vitest';
import { RecordChecker } from './checker.js';
import { KEYS } from './records.js';

const LIFE = 1;
const committed = (sent: number): ReadonlyMap<number, number> => new Map([[0, sent]]);

function seen(indexes: readonly number[], life = LIFE): RecordChecker {
  const checker = new RecordChecker();
  for (const index of indexes) checker.see({ source: 0, index, life, count: Math.floor(index / KEYS) + 1 });
  return checker;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('the checker', () => {
  it('finds nothing where each record came out once', () => {
    const checker = seen(upTo(100));
    expect(checker.balance([{ source: 0, life: LIFE, from: 0, to: 100 }], committed(100))).toEqual({ sent: 100, lost: 0, duplicated: 0, reordered: 0, missing: [] });
    expect(checker.miscounted).toBe(0);
  });

  it('counts what was acknowledged and never came out', () => {
    expect(seen(upTo(100).filter((i) => i !== 7 && i !== 99)).balance([{ source: 0, life: LIFE, from: 0, to: 100 }], committed(100))).toMatchObject({ sent: 100, lost: 2, missing: ['record 7 of source 0, which sent 100', 'record 99 of source 0, which sent 100'] });
  });

  it('counts what the state says was sent, though nobody heard of the acknowledgement', () => {
    expect(seen(upTo(90)).balance([{ source: 0, life: LIFE, from: 0, to: 50 }], committed(100))).toMatchObject({ sent: 50, lost: 10 });
  });

  it('counts what was acknowledged to one life and came out of another only', () => {
    const checker = seen(upTo(50));
    for (const index of upTo(100).slice(50)) checker.see({ source: 0, index, life: 2, count: 1 });
    expect(checker.balance([{ source: 0, life: LIFE, from: 0, to: 60 }, { source: 0, life: 2, from: 50, to: 100 }], committed(100))).toMatchObject({ lost: 10, duplicated: 0 });
  });

  it('counts each further copy, of whichever life', () => {
    const checker = seen([...upTo(40), 3, 3]);
    checker.see({ source: 0, index: 4, life: 2, count: 1 });
    expect(checker.balance([], committed(40))).toMatchObject({ lost: 0, duplicated: 3, reordered: 0 });
  });

  it('takes what is not acknowledged for no loss and no fault', () => {
    expect(seen(upTo(60)).balance([{ source: 0, life: LIFE, from: 0, to: 40 }], committed(40))).toMatchObject({ sent: 40, lost: 0, duplicated: 0, reordered: 0 });
  });

  it('sees a record that comes after a later one of its key, and not one of another key', () => {
    expect(seen([1, 0, 2, 3]).balance([], committed(4)).reordered).toBe(0);
    expect(seen([0, 2 * KEYS, KEYS]).balance([], committed(0)).reordered).toBe(1);
  });

  it('takes a part that comes again, in its order, for copies only', () => {
    const again = [...upTo(4 * KEYS), ...upTo(4 * KEYS).slice(KEYS), ...upTo(6 * KEYS).slice(4 * KEYS)];
    expect(seen(again).balance([], committed(6 * KEYS))).toMatchObject({ sent: 0, lost: 0, duplicated: 3 * KEYS, reordered: 0 });
  });

  it('sees a count that is not the place of the record in its key', () => {
    const checker = seen(upTo(KEYS));
    checker.see({ source: 0, index: KEYS, life: LIFE, count: 3 });
    expect(checker.miscounted).toBe(1);
    expect(checker.counts.get('0/0')).toBe(3);
  });
});
