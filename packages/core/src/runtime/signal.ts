import type { Clock, Timer } from '../clock/index.js';
import type { ReplicaDriver } from './driver.js';

/** Why a replica was woken. Bits, so that several reasons add up. */
export const Wake = { Data: 1, Status: 2, Stop: 4, Asked: 8, Parked: 16, Settled: 32, Deadline: 64 } as const;

/**
 * The one place where a replica sleeps. Level-triggered: reasons are sticky bits, so a notification between the last check and
 * the wait is never lost. A replica owns at most one timer, and only while a deadline is pending; it is left running when a wait
 * ends early and looked at when it fires, so a busy loop neither arms nor clears timers.
 */
export class Signal {
  readonly #clock: Clock;
  readonly #driver: ReplicaDriver | undefined;
  #bits = 0;
  #resolve: ((bits: number) => void) | undefined;
  #deadline = Infinity;
  #timer: Timer | undefined;
  #armedFor = Infinity;

  constructor(clock: Clock, driver?: ReplicaDriver) {
    this.#clock = clock;
    this.#driver = driver;
  }

  notify(bits: number): void {
    this.#bits |= bits;
    const resolve = this.#resolve;
    if (resolve === undefined) return;
    this.#resolve = undefined;
    this.#driver?.wakes();
    resolve(this.take());
  }

  /** The reasons since the last wait, without waiting. */
  take(): number {
    const bits = this.#bits;
    this.#bits = 0;
    return bits;
  }

  /**
   * Reasons since the last wait; a number at once where there are any, so that a busy loop makes no promise.
   * @param deadline on the clock's monotonic scale; Infinity for none
   */
  wait(deadline = Infinity): number | Promise<number> {
    if (this.#bits !== 0) return this.take();
    if (this.#resolve !== undefined) throw new Error('a replica has one waiter');
    this.#deadline = deadline;
    if (deadline < this.#armedFor) this.#arm(deadline);
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#driver?.sleeps();
    });
  }

  dispose(): void {
    this.#timer?.cancel();
    this.#armedFor = Infinity;
  }

  #arm(at: number): void {
    this.#timer?.cancel();
    this.#armedFor = at;
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(at - this.#clock.now())), () => {
      this.#armedFor = Infinity;
      if (this.#resolve === undefined || this.#deadline === Infinity) return;
      if (this.#clock.now() >= this.#deadline) this.notify(Wake.Deadline);
      else this.#arm(this.#deadline);
    });
  }
}
