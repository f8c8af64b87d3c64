import { expect, it } from 'vitest';
import { median, pairedRatio, percentile } from './statistics.js';

it('takes the middle value, whatever the order', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 10, 2])).toBe(3);
  expect(median([100, 20, 3])).toBe(20);
  expect(() => median([])).toThrow(RangeError);
});

it('leaves the values as they were', () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});

it('takes the value that a part of the others lie below', () => {
  const values = Array.from({ length: 200 }, (_, i) => 199 - i);
  expect(percentile(values, 0.5)).toBe(100);
  expect(percentile(values, 0.99)).toBe(198);
  expect(percentile([10, 9, 100], 1)).toBe(100);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

it('pairs each value with the one measured beside it', () => {
  // The second pair was measured on a machine half as quick: no ratio suffers.
  expect(pairedRatio([80, 40, 80, 81], [100, 50, 100, 90])).toBeCloseTo(0.8);
  // The ratio of the medians would be 1.
  expect(pairedRatio([10, 20, 30], [20, 10, 60])).toBe(0.5);
  expect(() => pairedRatio([1, 2], [1])).toThrow(RangeError);
});
