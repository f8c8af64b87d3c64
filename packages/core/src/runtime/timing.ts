import { systemClock, type Clock } from '../clock/index.js';
import type { OperatorPlan } from '../plan/plan.js';
import type { ReplicaCounters } from './metrics.js';
import { mustPause, pauseForEventLoop } from './pacer.js';

const FIRST_IDLE_MS = 10;
/** Steps between two looks at the clock while steps are short: looking costs more than such a step. */
const SAMPLE = 16;
const SLOW_STEP_MS = 0.05;
/** Between the commits of a replica that is out of work again and again, in times of what the last one took: they take a fifth of its time at most. */
const IDLE_COMMIT_SPACING = 4;

type TimingPlan = Pick<OperatorPlan, 'tick' | 'idle' | 'commitInterval' | 'delivery'>;

/** The time of one replica, as of its last look at the clock, and what is due when. */
export class Timing {
  now: number;
  commitAt = Infinity;
  /** From when on a replica that is out of work may commit. */
  idleCommitAt = -Infinity;
  tickAt = Infinity;
  /** When an operator that had nothing to do is called again unasked. */
  idleAt = 0;
  /** The thread went on for long without letting timers, signals and I/O in. */
  isPauseDue = false;
  readonly #clock: Clock;
  readonly #plan: TimingPlan;
  readonly #counters: Pick<ReplicaCounters, 'stepMs'>;
  #idleMs = 0;
  #slow = true;
  #sinceLook = 0;

  constructor(clock: Clock, plan: TimingPlan, counters: Pick<ReplicaCounters, 'stepMs'>) {
    this.#clock = clock;
    this.#plan = plan;
    this.#counters = counters;
    this.now = clock.now();
    if (plan.tick !== undefined) this.tickAt = this.now + plan.tick;
  }

  /** Looks at the clock before a step: always while steps are slow, now and then while they are short. */
  sample(): void {
    if (this.#slow || ++this.#sinceLook >= SAMPLE) this.look();
  }

  /** Looks at the clock. The time since the last look was spent in steps. */
  look(): void {
    const now = this.#clock.now();
    const spent = now - this.now;
    this.now = now;
    this.#slow = spent > SLOW_STEP_MS * Math.max(1, this.#sinceLook);
    this.#sinceLook = 0;
    this.#counters.stepMs += spent;
    this.isPauseDue = mustPause(this.#clock === systemClock ? now : performance.now());
  }

  /** Looks at the clock after a rest, which is no time of a step. */
  wake(): void {
    this.now = this.#clock.now();
  }

  /** Lets timers, signals and I/O in. */
  async pause(): Promise<void> {
    this.look();
    await pauseForEventLoop();
    this.isPauseDue = false;
    this.wake();
  }

  get isCommitDue(): boolean {
    return this.now >= this.commitAt;
  }

  get isTickDue(): boolean {
    return this.now >= this.tickAt;
  }

  /** There is something to commit. */
  dirtied(): void {
    if (this.commitAt === Infinity) this.commitAt = this.now + this.#plan.commitInterval;
  }

  committed(): void {
    this.commitAt = Infinity;
  }

  /** Waits for a commit that takes time, which is no time of a step. */
  async waitFor(commit: Promise<void>): Promise<void> {
    this.look();
    const since = this.now;
    await commit;
    this.wake();
    const { delivery, commitInterval } = this.#plan;
    // Others see the records of exactly-once by then only; a commit of at-least-once nobody waits for.
    if (delivery === 'at-least-once') this.idleCommitAt = this.now + Math.min(commitInterval, IDLE_COMMIT_SPACING * (this.now - since));
  }

  /** Sets the next tick: counted from when this one was due, so that ticks do not drift; missed ones are not made up for. */
  ticked(): void {
    const { tick } = this.#plan;
    // A test may ask for one of an operator that has none.
    if (tick === undefined) return;
    this.tickAt += tick * (Math.floor((this.now - this.tickAt) / tick) + 1);
  }

  /** A step had something to do. */
  progressed(): void {
    this.#idleMs = 0;
    this.idleAt = 0;
  }

  /** A step had nothing to do: the pause before the next unasked one doubles from step to step. */
  idled(): void {
    this.#idleMs = Math.min(this.#idleMs === 0 ? FIRST_IDLE_MS : 2 * this.#idleMs, this.#plan.idle);
    this.idleAt = this.now + this.#idleMs;
  }
}
