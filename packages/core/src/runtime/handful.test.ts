import { expect, it } from 'vitest';
import { NO_VALUE } from '../channel/spi.js';
import { handful } from './handful.js';

/** A batch of records of these sizes, one after the other; no size for a record without a value. */
function batchOf(sizes: readonly (number | undefined)[]): Parameters<typeof handful>[0] {
  let position = 0;
  const bounds = Uint32Array.from(sizes.flatMap((size) => (size === undefined ? [NO_VALUE, NO_VALUE] : [position, (position += size)])));
  return { objects: undefined, bounds, count: sizes.length };
}

/** Where each handful ends. */
function ends(batch: Parameters<typeof handful>[0]): number[] {
  const found: number[] = [];
  for (let at = 0; at < batch.count; found.push(at)) at = handful(batch, at);
  return found;
}

it('takes records until they have 64 KiB', () => {
  expect(ends(batchOf(Array.from({ length: 100 }, () => 1024)))).toEqual([64, 100]);
  expect(ends(batchOf(Array.from({ length: 100 }, () => 10)))).toEqual([100]);
});

it('takes one that is larger by itself', () => {
  expect(ends(batchOf([1_000_000, 1, 1_000_000, 1_000_000]))).toEqual([1, 3, 4]);
});

it('takes what has no bytes along', () => {
  expect(ends(batchOf([undefined, 65_535, undefined, 1, undefined, 0]))).toEqual([4, 6]);
  expect(ends(batchOf([undefined, undefined]))).toEqual([2]);
});

it('leaves records by reference together', () => {
  expect(handful({ objects: [1, 2, 3], bounds: new Uint32Array(0), count: 3 }, 1)).toBe(3);
});
