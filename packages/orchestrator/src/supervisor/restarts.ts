import type { RestartPlan } from '@millrace/core';

/** A failure of a replica that was or was not mended by a restart. */
export interface Failure {
  /** Epoch ms. */
  readonly at: number;
  readonly error: Error;
}

/** What a history keeps: more says nothing new. */
const LONGEST_HISTORY = 100;
/** By how much a pause may differ. */
const JITTER = 0.25;

/** How often one replica was started again, and whether it may be once more. */
export class Restarts {
  readonly #plan: RestartPlan;
  readonly #random: () => number;
  /** When, on the monotonic clock. */
  readonly #taken: number[] = [];
  readonly #history: Failure[] = [];

  /** @param random from 0 up to 1 */
  constructor(plan: RestartPlan, random: () => number = Math.random) {
    this.#plan = plan;
    this.#random = random;
  }

  /** All failures, the oldest first. */
  get history(): readonly Failure[] {
    return this.#history;
  }

  /** Notes a failure. */
  note(failure: Failure): void {
    this.#history.push(failure);
    if (this.#history.length > LONGEST_HISTORY) this.#history.shift();
  }

  /**
   * Takes a restart.
   * @param now on a monotonic clock
   * @returns which one in `within` it is, and the pause before it in ms; `undefined` where there have been too many
   */
  take(now: number): { readonly attempt: number; readonly pause: number } | undefined {
    const { times, within, backoff, longest } = this.#plan;
    while (this.#taken.length > 0 && now - this.#taken[0]! > within) this.#taken.shift();
    if (this.#taken.length >= times) return undefined;
    this.#taken.push(now);
    const attempt = this.#taken.length;
    return { attempt, pause: Math.min(backoff * 2 ** (attempt - 1), longest) * (1 - JITTER + 2 * JITTER * this.#random()) };
  }
}
