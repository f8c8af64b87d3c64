import { beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../clock/index.js';
import { Signal, Wake } from './signal.js';

/** Time that a test moves; timers fire as the clock reaches them. */
class HandClock implements Clock {
  time = 0;
  armed = 0;
  readonly #timers = new Set<{ readonly at: number; readonly fire: () => void }>();
  now(): number {
    return this.time;
  }
  wall(): number {
    return 0;
  }
  after(ms: number, fire: () => void) {
    const timer = { at: this.time + ms, fire };
    this.#timers.add(timer);
    this.armed++;
    return { cancel: () => void this.#timers.delete(timer) };
  }
  get pending(): number {
    return this.#timers.size;
  }
  to(time: number): void {
    this.time = time;
    for (const timer of [...this.#timers]) {
      if (timer.at > time) continue;
      this.#timers.delete(timer);
      timer.fire();
    }
  }
}

let clock: HandClock;
let signal: Signal;
beforeEach(() => {
  clock = new HandClock();
  signal = new Signal(clock);
});

/** The reasons of a wait, or that it still waits. */
async function outcome(wait: number | Promise<number>): Promise<number | 'waits'> {
  return Promise.race([wait, Promise.resolve().then(() => Promise.resolve('waits' as const))]);
}

describe('a signal', () => {
  it('keeps what came before the wait, and adds reasons up', () => {
    signal.notify(Wake.Data);
    signal.notify(Wake.Stop);
    signal.notify(Wake.Data);
    expect(signal.wait()).toBe(Wake.Data | Wake.Stop);
    expect(signal.take()).toBe(0);
  });

  it('wakes who waits, once', async () => {
    const wait = signal.wait();
    expect(await outcome(wait)).toBe('waits');
    signal.notify(Wake.Asked);
    signal.notify(Wake.Data);
    expect(await wait).toBe(Wake.Asked);
    expect(signal.wait()).toBe(Wake.Data);
  });

  it('has one waiter', () => {
    void signal.wait();
    expect(() => signal.wait()).toThrow('one waiter');
  });

  it('wakes at the deadline', async () => {
    const wait = signal.wait(10);
    clock.to(9);
    expect(await outcome(wait)).toBe('waits');
    clock.to(10);
    expect(await wait).toBe(Wake.Deadline);
  });

  it('arms no timer without a deadline', () => {
    void signal.wait();
    expect(clock.armed).toBe(0);
  });

  it('leaves its timer running when it is woken early, and uses it for a later deadline', async () => {
    for (let i = 0; i < 100; i++) {
      const wait = signal.wait(50 + i);
      signal.notify(Wake.Data);
      await wait;
    }
    expect([clock.armed, clock.pending]).toEqual([1, 1]);
    const wait = signal.wait(200);
    clock.to(50);
    expect(await outcome(wait)).toBe('waits');
    clock.to(200);
    expect(await wait).toBe(Wake.Deadline);
  });

  it('arms anew for an earlier deadline', async () => {
    const late = signal.wait(1_000);
    signal.notify(Wake.Data);
    await late;
    const wait = signal.wait(10);
    expect(clock.pending).toBe(1);
    clock.to(10);
    expect(await wait).toBe(Wake.Deadline);
  });

  it('a timer that fires while nobody waits says nothing to the next one', async () => {
    const wait = signal.wait(10);
    signal.notify(Wake.Data);
    await wait;
    clock.to(10);
    const next = signal.wait();
    expect(await outcome(next)).toBe('waits');
    signal.notify(Wake.Stop);
    expect(await next).toBe(Wake.Stop);
    const late = signal.wait(20);
    clock.to(20);
    expect(await late).toBe(Wake.Deadline);
  });

  it('a deadline that has passed wakes with the next timer, not never', async () => {
    clock.to(100);
    const wait = signal.wait(50);
    clock.to(100);
    expect(await wait).toBe(Wake.Deadline);
  });

  it('leaves no timer behind when it is disposed of', () => {
    void signal.wait(10);
    signal.dispose();
    expect(clock.pending).toBe(0);
  });
});
