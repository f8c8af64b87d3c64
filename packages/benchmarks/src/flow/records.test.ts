import { expect, it } from 'vitest';
import { expectedSum, makeReadings, Reading, sumOf } from './records.js';

it('makes records of 95 characters and a number', () => {
  const readings = makeReadings(254, 4);
  expect(readings.map(({ text }) => text.length)).toEqual([95, 95, 95, 95]);
  expect(readings.map(({ n }) => n)).toEqual([254, 255, 256, 257]);
  expect(readings.every((reading) => Reading.isValid(reading))).toBe(true);
});

it.each([0, 1, 500, 65_536, 65_537, 200_000])('knows the sum of the first %i records', (count) => {
  expect(sumOf(makeReadings(0, count))).toBe(expectedSum(count));
});
