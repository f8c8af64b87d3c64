import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { IndexSet } from './index-set.js';
import { note, readLedger } from './ledger.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-ledger-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a ledger gives what was noted, in its order', () => {
  const file = join(folder, 'ledger');
  const entries = [{ source: 0, life: 1000, from: 0, to: 20 }, { source: 1, life: 2000, from: 0, to: 40 }, { source: 0, life: 3001, from: 20, to: 60 }];
  for (const entry of entries) note(file, entry);
  expect(readLedger(file)).toEqual(entries);
  expect(readLedger(join(folder, 'none'))).toEqual([]);
});

it('a ledger with a line that nobody wrote so is refused', () => {
  const file = join(folder, 'ledger');
  appendFileSync(file, '0 1 2\n');
  expect(() => readLedger(file)).toThrow('"0 1 2"');
});

it('a set of indexes has what was added, however far apart', () => {
  const set = new IndexSet();
  const members = [0, 31, 32, 32_767, 32_768, 5_000_000_000];
  for (const index of members) expect(set.add(index)).toBe(true);
  expect(set.add(32)).toBe(false);
  expect(members.every((index) => set.has(index))).toBe(true);
  expect([1, 33, 32_769, 4_999_999_999].some((index) => set.has(index))).toBe(false);
});
