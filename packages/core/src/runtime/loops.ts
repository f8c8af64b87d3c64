import type { Signal } from './signal.js';
import { Wake } from './signal.js';
import type { StepScope } from './step.js';

type Turn = IteratorResult<readonly unknown[], undefined>;

/** The port of a loop, as far as loops need it. */
export interface LoopPort {
  readonly name: string;
  readonly ended: boolean;
  poll(): boolean;
  retrieve(): readonly unknown[];
}

/**
 * The `for await` loops of one replica. A loop that asks for its next batch is through with the one before; when all of them
 * wait like that, everything handed out is processed, and the runtime may commit or tick. While a commit is due nobody gets a
 * batch, so that this moment comes.
 */
export class Loops {
  readonly #step: StepScope;
  readonly #signal: Signal;
  readonly #mustPark: () => boolean;
  readonly #parked = new Map<LoopPort, (turn: Turn) => void>();
  #active = 0;
  #stopped = false;

  /** @param mustPark true while a commit or tick is due, a replay goes on or the loop has run long without a pause */
  constructor(step: StepScope, signal: Signal, mustPark: () => boolean) {
    this.#step = step;
    this.#signal = signal;
    this.#mustPark = mustPark;
  }

  /** Loops that have begun and not ended. */
  get active(): number {
    return this.#active;
  }

  /** True when every loop waits for its next batch. */
  get allParked(): boolean {
    return this.#active > 0 && this.#parked.size === this.#active;
  }

  /** True once {@link stop} was called. */
  get wereStopped(): boolean {
    return this.#stopped;
  }

  iterate(port: LoopPort): AsyncIterator<readonly unknown[]> {
    let running = false;
    const end = (): Turn => {
      if (running) this.#active--;
      running = false;
      this.#step.release(port.name);
      this.#signal.notify(Wake.Parked);
      return { done: true, value: undefined };
    };
    return {
      next: () => {
        if (!running) this.#active++;
        running = true;
        this.#step.release(port.name);
        const turn = this.#mustPark() ? undefined : this.#turnOf(port);
        if (turn !== undefined) return Promise.resolve(turn.done === true ? end() : turn);
        if (this.#parked.has(port)) return Promise.reject(new Error(`two loops read ${port.name} at once; use one`));
        return new Promise((resolve) => {
          this.#parked.set(port, (turn) => resolve(turn.done === true ? end() : turn));
          this.#signal.notify(Wake.Parked);
        });
      },
      return: () => Promise.resolve(end()),
    };
  }

  /** Makes every loop end at its next turn. */
  stop(): void {
    this.#stopped = true;
    this.#signal.notify(Wake.Parked);
  }

  /**
   * Gives waiting loops their next batch, or their end.
   * @param one only to one of them: during a replay a step has one record
   * @returns whether any went on
   */
  deliver(one: boolean): boolean {
    let delivered = false;
    for (const [port, resolve] of [...this.#parked]) {
      const turn = this.#turnOf(port);
      if (turn === undefined) continue;
      this.#parked.delete(port);
      resolve(turn);
      delivered = true;
      if (one) break;
    }
    return delivered;
  }

  #turnOf(port: LoopPort): Turn | undefined {
    if (this.#stopped || port.ended) return { done: true, value: undefined };
    while (port.poll()) {
      const before = this.#step.retrieved;
      const value = port.retrieve();
      if (value.length > 0) return { done: false, value };
      // All of a batch was given up: on to the next one. A replay that has its one record for this step gives none.
      if (this.#step.retrieved === before) return undefined;
    }
    return undefined;
  }
}
