import type { Clock, Timer } from '@millrace/core';

interface Pending {
  readonly due: number;
  readonly fire: () => void;
}

/**
 * A clock that stands still until a test moves it.
 *
 * The monotonic and the wall clock run together in {@link advance}; {@link setWall} moves the wall clock alone, as NTP or a
 * careless administrator does. Timers fire in `advance` only, in the order of their due times, and all that follows from one
 * in the same turn of the event loop happens before the next.
 */
export class SettableClock implements Clock {
  #now: number;
  #wall: number;
  readonly #pending = new Set<Pending>();
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #advancing: Promise<void> = Promise.resolve();

  /** @param start `now` in ms (default 0) and `wall` in epoch ms (default 2026-01-01T00:00:00Z) */
  constructor(start: { readonly now?: number; readonly wall?: number } = {}) {
    this.#now = start.now ?? 0;
    this.#wall = start.wall ?? Date.UTC(2026, 0, 1);
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wall;
  }

  after(ms: number, fire: () => void): Timer {
    const pending: Pending = { due: this.#now + Math.max(0, ms), fire };
    this.#pending.add(pending);
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.#pending.size < count) return true;
      resolve();
      return false;
    });
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Timers that have neither fired nor been cancelled. */
  get timers(): number {
    return this.#pending.size;
  }

  /** When the first of them is due, as {@link now} gives it; Infinity where there is none. */
  get nextAt(): number {
    return this.#next(Infinity)?.due ?? Infinity;
  }

  /** Resolves once so many timers are pending: the code under test waits then, and `advance` will reach it. */
  scheduled(count = 1): Promise<void> {
    if (this.#pending.size >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Sets the wall clock alone, to epoch ms. Timers and durations know nothing of it. */
  setWall(epochMs: number): void {
    this.#wall = epochMs;
  }

  /**
   * Moves both clocks on by `ms` and fires what falls due on the way, timers set on the way included; 0 fires what is due now.
   * Calls made at once run one after the other. Rejects with what a timer throws, at the time of that timer.
   * @throws RangeError for a negative or infinite duration
   */
  async advance(ms: number): Promise<void> {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`a clock advances by a duration in ms, not by ${ms}`);
    const turn = this.#advancing.then(() => this.#run(this.#now + ms));
    this.#advancing = turn.catch(() => undefined); // the next call runs whatever became of this one, which tells its own caller
    await turn;
  }

  async #run(target: number): Promise<void> {
    await settled();
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#pending.delete(next);
      this.#moveTo(Math.max(next.due, this.#now));
      next.fire();
      await settled();
    }
    this.#moveTo(target);
  }

  /** The first timer due up to a time; of equal ones the oldest. */
  #next(target: number): Pending | undefined {
    let first: Pending | undefined;
    for (const pending of this.#pending) if (pending.due <= target && (first === undefined || pending.due < first.due)) first = pending;
    return first;
  }

  #moveTo(now: number): void {
    this.#wall += now - this.#now;
    this.#now = now;
  }
}

/** Lets everything that waits for promises only get on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
