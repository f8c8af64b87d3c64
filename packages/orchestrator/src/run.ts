import { MillraceError, stuckStep, type Clock, type Plan, type Replica, type ReplicaOutcome, type Stage, type Timer } from '@millrace/core';
import { EventEmitter } from 'eventemitter3';
import { Meter, type RunMetrics } from './metrics.js';

/** What a run tells while it goes on. Listeners are called synchronously. */
export interface RunEvents {
  /** A replica, as `pipeline.operator#0`, entered a stage. */
  stage: [replica: string, stage: Stage, from: Stage];
  /** A hook threw; `fatal` where the replica ends of it, false where a policy or retry deals with it. */
  error: [replica: string, error: Error, source: string, fatal: boolean];
  /** Writers of an input give no sign of life; an empty list once they are back. */
  degraded: [replica: string, port: string, writers: readonly string[]];
  /** A hook has not returned for longer than `stepTimeout`. Told once for each call. */
  stuck: [replica: string, error: Error];
  /** Once a second, while somebody listens. */
  progress: [metrics: RunMetrics];
}

/** How a run ended. `done`: every operator is done, and what the run had is deleted. After the other two the next start goes on. */
export interface RunResult {
  readonly outcome: 'done' | 'drained' | 'stopped';
  /** For `process.exitCode`: 0, or 130 where it was asked to end. */
  readonly exitCode: number;
  readonly replicas: readonly ReplicaOutcome[];
}

export interface StopOptions {
  /** `drain`: sources stop, and what they sent is processed; within `grace`. `now`: after the steps in hand. Default `drain`. */
  readonly mode?: 'drain' | 'now';
  /** Told to `onInterrupt`. Default `stop`. */
  readonly reason?: string;
}

export interface RunParts {
  readonly plan: Plan;
  readonly runId: string;
  readonly generation: number;
  readonly replicas: readonly { readonly operator: string; readonly replica: Replica }[];
  readonly clock: Clock;
  readonly grace: number;
  /** A start that has only a part of the replicas cannot drain: what it reads comes from elsewhere and goes on. */
  readonly canDrain: boolean;
  /** What remains to be done when every replica has ended: deletes, closes. `done` where all of them are done. */
  readonly onEnd: (done: boolean) => Promise<void>;
}

const PROGRESS_MS = 1_000;
const LONGEST_WATCH_MS = 1_000;

/** A pipeline that runs. */
export class Run extends EventEmitter<RunEvents> {
  /** Resolves when everything has ended and is closed; rejects with the first error. Handling it is optional: errors are logged too. */
  readonly completed: Promise<RunResult>;
  readonly #parts: RunParts;
  readonly #meter: Meter;
  readonly #timers = new Set<Timer>();
  readonly #stuckSince = new Map<Replica, number>();
  #stopping: 'drain' | 'now' | undefined;
  #failure: Error | undefined;

  constructor(parts: RunParts) {
    super();
    this.#parts = parts;
    this.#meter = new Meter(parts.replicas, parts.clock.now());
    this.completed = this.#live();
    this.completed.catch(() => {});
  }

  get plan(): Plan {
    return this.#parts.plan;
  }

  get runId(): string {
    return this.#parts.runId;
  }

  /** The start of the pipeline on its location, counted from 1. */
  get generation(): number {
    return this.#parts.generation;
  }

  /** The stage of every replica in this process, by name. */
  get stages(): ReadonlyMap<string, Stage> {
    return new Map(this.#parts.replicas.map(({ replica }) => [replica.name, replica.stage]));
  }

  /** Counters, rates and lags now; rates are those since the last call. */
  metrics(): Promise<RunMetrics> {
    return this.#meter.look(this.#parts.clock.now());
  }

  /**
   * Ends the run, deleting nothing: the next start goes on. A second call may ask for `now` after `drain`; else it only waits.
   * @returns as {@link completed}
   */
  stop({ mode = 'drain', reason = 'stop' }: StopOptions = {}): Promise<RunResult> {
    const { canDrain, grace, replicas, clock } = this.#parts;
    const kind = canDrain ? mode : 'now';
    if (this.#stopping === 'now' || this.#stopping === kind) return this.completed;
    this.#stopping = kind;
    for (const { replica } of replicas) replica.interrupt(kind === 'now' ? 'stop' : 'drain', reason);
    this.#after(grace, () => {
      if (kind === 'drain') void this.stop({ mode: 'now', reason });
      else this.#giveUp(clock.now());
    });
    return this.completed;
  }

  /** Called by a replica's events: the first fatal error ends the run. */
  fail(error: Error): void {
    this.#failure ??= error;
    // Not in the middle of the replica's own failing.
    queueMicrotask(() => void this.stop({ mode: 'now', reason: 'failure' }));
  }

  async #live(): Promise<RunResult> {
    // Waiting for data holds nothing that would keep Node.js from exiting; the run does.
    const alive = setInterval(() => {}, 0x7fff_ffff);
    this.#watch();
    this.#report();
    try {
      const { replicas } = this.#parts;
      const outcomes = await Promise.all(replicas.map(({ replica }) => replica.run()));
      const failed = outcomes.find((outcome) => outcome.error !== undefined);
      const done = outcomes.every((outcome) => outcome.stage === 'Closed' && outcome.reason === 'done');
      await this.#parts.onEnd(done);
      if (failed !== undefined) throw this.#failure ?? failed.error;
      const outcome = done ? 'done' : outcomes.some(({ reason }) => reason === 'stopped') ? 'stopped' : 'drained';
      return { outcome, exitCode: outcome === 'done' ? 0 : 130, replicas: outcomes };
    } finally {
      clearInterval(alive);
      for (const timer of this.#timers) timer.cancel();
      this.#timers.clear();
    }
  }

  #giveUp(now: number): void {
    const { replicas, grace } = this.#parts;
    for (const { replica } of replicas) {
      if (replica.stage === 'Closed' || replica.stage === 'Failed') continue;
      const { busy } = replica;
      const what = busy === undefined ? `its stage ${replica.stage}` : `${busy.hook}, which began ${Math.round(now - busy.since)} ms ago`;
      replica.abandon(new MillraceError('MILLRACE_TIMEOUT', `${replica.name} did not stop within ${grace} ms; it is in ${what}. Its last step is not committed`, { operator: replica.name }));
    }
  }

  /** Looks for hooks that do not return. */
  #watch(): void {
    const { replicas, plan, clock } = this.#parts;
    const limits = new Map(plan.operators.map(({ name, stepTimeout }) => [name, stepTimeout]));
    const shortest = Math.min(Infinity, ...[...limits.values()].filter((limit) => limit > 0));
    if (shortest === Infinity) return;
    const look = (): void => {
      for (const { operator, replica } of replicas) {
        const { busy } = replica;
        const limit = limits.get(operator)!;
        if (busy === undefined || limit === 0 || clock.now() - busy.since < limit || this.#stuckSince.get(replica) === busy.since) continue;
        this.#stuckSince.set(replica, busy.since);
        this.emit('stuck', replica.name, stuckStep(replica.name, busy.hook, clock.now() - busy.since));
      }
      this.#after(Math.min(shortest / 4, LONGEST_WATCH_MS), look);
    };
    this.#after(Math.min(shortest / 4, LONGEST_WATCH_MS), look);
  }

  #report(): void {
    this.#after(PROGRESS_MS, () => {
      if (this.listenerCount('progress') > 0) this.metrics().then((metrics) => this.emit('progress', metrics), (error: unknown) => this.emit('error', this.plan.pipeline, error as Error, 'metrics', false));
      this.#report();
    });
  }

  #after(ms: number, fire: () => void): void {
    const timer = this.#parts.clock.after(ms, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
  }
}
