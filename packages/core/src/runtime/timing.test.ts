import { beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock/index.js';
import { Timing } from './timing.js';

let now: number;
let looks: number;
let counters: { stepMs: number };
beforeEach(() => {
  now = 1_000;
  looks = 0;
  counters = { stepMs: 0 };
});

function timing(plan: { tick?: number; idle?: number; commitInterval?: number; delivery?: 'at-least-once' | 'exactly-once' } = {}): Timing {
  const clock = { ...systemClock, now: () => (looks++, now) };
  return new Timing(clock, { tick: plan.tick, idle: plan.idle ?? 1_000, commitInterval: plan.commitInterval ?? 100, delivery: plan.delivery ?? 'at-least-once' }, counters);
}

describe('the time of a replica', () => {
  it('is looked at before every step while steps are slow, and now and then while they are short', () => {
    const time = timing();
    for (let i = 0; i < 10; i++) {
      now += 5;
      time.sample();
    }
    expect(looks).toBe(11);
    for (let i = 0; i < 161; i++) time.sample();
    expect(looks).toBe(11 + 11);
    // 5 ms over 16 steps are slow again.
    now += 5;
    for (let i = 0; i < 16; i++) time.sample();
    now += 1;
    time.sample();
    expect(time.now).toBe(now);
  });

  it('of steps is counted, rests are not', () => {
    const time = timing();
    now += 3;
    time.look();
    now += 1_000;
    time.wake();
    now += 4;
    time.look();
    expect(counters.stepMs).toBe(7);
  });
});

describe('a commit', () => {
  it.each([
    ['four times what it took, under at-least-once', {}, 10, 40],
    ['the interval at most', {}, 30, 100],
    ['not at all under exactly-once', { delivery: 'exactly-once' }, 10, -Infinity],
  ] as const)('puts the next one for want of work off: %s', async (_, plan, took, pause) => {
    const time = timing(plan);
    expect(time.idleCommitAt).toBe(-Infinity);
    now += 3;
    await time.waitFor(Promise.resolve().then(() => void (now += took)));
    expect(time.idleCommitAt).toBe(now + pause);
    // It was no time of a step.
    expect(counters.stepMs).toBe(3);
  });

  it('is due an interval after there was something to commit', () => {
    const time = timing({ commitInterval: 100 });
    expect(time.isCommitDue).toBe(false);
    time.dirtied();
    now += 60;
    time.look();
    time.dirtied();
    now += 40;
    expect(time.isCommitDue).toBe(false);
    time.look();
    expect(time.isCommitDue).toBe(true);
    time.committed();
    expect(time.isCommitDue).toBe(false);
  });

  it('with an interval of 0 is due at once', () => {
    const time = timing({ commitInterval: 0 });
    time.dirtied();
    expect(time.isCommitDue).toBe(true);
  });
});

describe('ticks', () => {
  it('keep their phase, and are not made up for', () => {
    const time = timing({ tick: 100 });
    const due: number[] = [];
    for (const at of [1_100, 1_201, 1_550, 1_600, 1_999, 2_000]) {
      now = at;
      time.look();
      if (!time.isTickDue) continue;
      due.push(at);
      time.ticked();
    }
    expect(due).toEqual([1_100, 1_201, 1_550, 1_600, 1_999, 2_000]);
    expect(time.tickAt).toBe(2_100);
    time.ticked();
    expect(time.tickAt).toBe(2_100);
  });

  it('never come where none are asked for', () => {
    const time = timing();
    now = Number.MAX_SAFE_INTEGER;
    time.look();
    expect(time.isTickDue).toBe(false);
  });
});

describe('pauses of an idle operator', () => {
  it('double up to the longest, and begin anew', () => {
    const time = timing({ idle: 50 });
    const pauses = Array.from({ length: 5 }, () => {
      time.idled();
      return time.idleAt - now;
    });
    expect(pauses).toEqual([10, 20, 40, 50, 50]);
    time.progressed();
    expect(time.idleAt).toBe(0);
    time.idled();
    expect(time.idleAt - now).toBe(10);
  });
});
