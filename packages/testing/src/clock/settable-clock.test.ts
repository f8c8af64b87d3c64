import { describe, expect, it } from 'vitest';
import { SettableClock } from './settable-clock.js';

describe('SettableClock', () => {
  it('stands still until it is moved', () => {
    const clock = new SettableClock({ now: 5, wall: 1000 });
    expect([clock.now(), clock.wall(), clock.timers]).toEqual([5, 1000, 0]);
  });

  it('fires timers in the order of their due times, each at its own time', async () => {
    const clock = new SettableClock();
    const fired: [string, number][] = [];
    const note = (name: string) => () => void fired.push([name, clock.now()]);
    clock.after(20, note('late'));
    clock.after(10, note('early'));
    clock.after(10, note('early, second'));
    clock.after(31, note('too late'));
    await clock.advance(30);
    expect(fired).toEqual([['early', 10], ['early, second', 10], ['late', 20]]);
    expect([clock.now(), clock.timers]).toEqual([30, 1]);
  });

  it('says when the next timer is due', async () => {
    const clock = new SettableClock({ now: 5 });
    expect(clock.nextAt).toBe(Infinity);
    clock.after(20, () => undefined);
    const early = clock.after(10, () => undefined);
    expect(clock.nextAt).toBe(15);
    early.cancel();
    expect(clock.nextAt).toBe(25);
    await clock.advance(20);
    expect(clock.nextAt).toBe(Infinity);
  });

  it('fires timers that are set on the way, after what awaits between them', async () => {
    const clock = new SettableClock();
    const fired: number[] = [];
    const loop = async (): Promise<void> => {
      while (fired.length < 3) {
        await new Promise<void>((resolve) => clock.after(10, resolve));
        fired.push(clock.now());
      }
    };
    const done = loop();
    await clock.advance(100);
    await done;
    expect(fired).toEqual([10, 20, 30]);
  });

  it('does not fire what was cancelled; cancelling again, or after it fired, is quiet', async () => {
    const clock = new SettableClock();
    let fired = 0;
    const cancelled = clock.after(1, () => fired++);
    const kept = clock.after(1, () => fired++);
    cancelled.cancel();
    cancelled.cancel();
    await clock.advance(1);
    kept.cancel();
    expect([fired, clock.timers]).toEqual([1, 0]);
  });

  it('lets the wall clock jump without touching durations', async () => {
    const clock = new SettableClock({ wall: 1_000_000 });
    let fired = false;
    clock.after(100, () => (fired = true));
    clock.setWall(400_000);
    await clock.advance(99);
    expect([fired, clock.now(), clock.wall()]).toEqual([false, 99, 400_099]);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  it('tells when timers are pending', async () => {
    const clock = new SettableClock();
    let told = false;
    const two = clock.scheduled(2).then(() => (told = true));
    clock.after(1, () => undefined);
    await Promise.resolve();
    expect(told).toBe(false);
    clock.after(1, () => undefined);
    await two;
    await clock.scheduled();
  });

  it('rejects with what a timer throws, and goes on afterwards', async () => {
    const clock = new SettableClock();
    clock.after(5, () => {
      throw new Error('boom');
    });
    await expect(clock.advance(10)).rejects.toThrow('boom');
    expect(clock.now()).toBe(5);
    await clock.advance(10);
    expect(clock.now()).toBe(15);
  });

  it('runs calls made at once one after the other, and refuses to go back', async () => {
    const clock = new SettableClock();
    await Promise.all([clock.advance(10), clock.advance(5)]);
    expect(clock.now()).toBe(15);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    await expect(clock.advance(Number.POSITIVE_INFINITY)).rejects.toThrow(RangeError);
  });
});
