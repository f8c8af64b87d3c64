import { expect, it } from 'vitest';
import { Restarts } from './restarts.js';

const plan = { times: 4, within: 1_000, backoff: 100, longest: 500, afterErrors: true };

it('pauses double up to the longest, and differ by up to a quarter', () => {
  const pauses = (random: number): readonly (number | undefined)[] => {
    const restarts = new Restarts(plan, () => random);
    return [0, 1, 2, 3].map((now) => restarts.take(now)?.pause);
  };
  expect(pauses(0.5)).toEqual([100, 200, 400, 500]);
  expect(pauses(0)).toEqual([75, 150, 300, 375]);
  expect(pauses(1)).toEqual([125, 250, 500, 625]);
});

it('there are so many within any span of time', () => {
  const restarts = new Restarts({ ...plan, times: 2 }, () => 0.5);
  expect(restarts.take(0)).toEqual({ attempt: 1, pause: 100 });
  expect(restarts.take(900)).toEqual({ attempt: 2, pause: 200 });
  expect(restarts.take(1_000)).toBeUndefined();
  // The first one is long past: what comes now is the second one within the span again.
  expect(restarts.take(1_001)).toEqual({ attempt: 2, pause: 200 });
  expect(restarts.take(5_000)).toEqual({ attempt: 1, pause: 100 });
});

it('the history has every failure, up to a bound', () => {
  const restarts = new Restarts(plan);
  for (let at = 0; at < 150; at++) restarts.note({ at, error: new Error(String(at)) });
  expect(restarts.history).toHaveLength(100);
  expect(restarts.history[0]?.at).toBe(50);
});
