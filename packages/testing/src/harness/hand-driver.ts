import type { DriverAhead, DriverMove, ReplicaDriver } from '@millrace/core';

/** Holds a replica between two steps until the test lets it go on. */
export class HandDriver implements ReplicaDriver {
  /** Whether a hook of the replica runs. Set once the replica is there. */
  isBusy: () => boolean = () => false;
  /** Steps and ticks let through since the last {@link let}. */
  made = 0;
  #allowed = 0;
  #isOpen = false;
  #isOver = false;
  #move: DriverMove | undefined;
  #release: ((move: DriverMove) => void) | undefined;
  /** Another one for each time that it falls asleep. */
  #sleep: object | undefined;
  #notify: () => void = () => undefined;

  hold(ahead: DriverAhead): Promise<DriverMove> | undefined {
    if (this.#isOver) return new Promise(() => undefined);
    const move = this.#move;
    this.#move = undefined;
    // What was asked for may be due anyway.
    if (move !== undefined) return move === ahead ? undefined : Promise.resolve(move);
    if (this.#mayGoOn(ahead)) return undefined;
    return new Promise((resolve) => {
      this.#release = resolve;
      this.#notify();
    });
  }

  sleeps(): void {
    this.#sleep = {};
    this.#notify();
  }

  wakes(): void {
    this.#sleep = undefined;
  }

  get isHeld(): boolean {
    return this.#release !== undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Lets the replica make so many steps, or, where it is open, everything else that is due too. */
  let(steps: number, isOpen: boolean): void {
    this.made = 0;
    this.#allowed = steps;
    this.#isOpen = isOpen;
    this.#go();
  }

  /** Lets nothing more through. */
  close(): void {
    this.#allowed = 0;
    this.#isOpen = false;
  }

  /** Has the replica make a tick or a commit next. */
  make(move: 'tick' | 'commit'): void {
    this.#move = move;
    this.#go();
  }

  /** Takes back what {@link make} asked for. @returns whether it was still to come */
  takeBack(): boolean {
    const isPending = this.#move !== undefined;
    this.#move = undefined;
    return isPending;
  }

  /** The replica has ended or was killed: from now on it is never let go. */
  end(): void {
    this.#isOver = true;
    this.#notify();
  }

  /** Resolves once the replica is held, or sleeps with nothing under way that would wake it, or is over. */
  async rest(): Promise<void> {
    while (!this.#isOver && this.#release === undefined) {
      const sleep = this.#sleep;
      if (sleep === undefined || this.isBusy()) {
        await new Promise<void>((resolve) => {
          this.#notify = resolve;
        });
      } else {
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#sleep === sleep) return;
      }
    }
  }

  #mayGoOn(ahead: DriverAhead): boolean {
    if (ahead === 'sleep') return true;
    if (ahead !== 'step' && ahead !== 'tick') return this.#isOpen;
    if (this.made >= this.#allowed) return false;
    this.made++;
    return true;
  }

  #go(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.('look');
  }
}
