import { MillraceError, stuckStep, toError, type Clock, type Logger, type Plan, type ReplicaOutcome, type Stage, type Timer } from '@millrace/core';
import { EventEmitter } from 'eventemitter3';
import type { LiveReplica } from './live-replica.js';
import { Meter, type RunMetrics } from './metrics.js';
import type { ChildInfo } from './placement/index.js';
import { planRescale, refused } from './rescaling/rescalable.js';
import type { ReplicaSet, SupervisorEvents } from './supervisor/index.js';

/** What a run tells while it goes on. Listeners are called synchronously; what they throw is logged. */
export interface RunEvents {
  /** A replica, as `pipeline.operator#0`, entered a stage. */
  stage: [replica: string, stage: Stage, from: Stage];
  /** A hook threw; `fatal` where the replica ends of it, false where a policy or retry deals with it, or it came after the first. */
  error: [replica: string, error: Error, source: string, fatal: boolean];
  /** Writers of an input give no sign of life; an empty list once they are back. */
  degraded: [replica: string, port: string, writers: readonly string[]];
  /** A hook has not returned for longer than `stepTimeout`. Told once for each call; not while it waits for room in an output. */
  stuck: [replica: string, error: Error];
  /** A replica failed, and is started again after a pause in ms: the n-th time within `restart.within`. */
  restart: [replica: string, error: Error, attempt: number, pause: number];
  /**
   * A line that a thread or process wrote, named as in {@link Run.children}. While nobody listens it goes to the same stream of
   * this process, after the name.
   */
  output: [child: string, stream: 'stdout' | 'stderr', line: string];
  /** Once a second, while somebody listens. Rates are those since the event before. */
  progress: [metrics: RunMetrics];
}

/**
 * How a run ended. `done`: every operator is done, and what the run had is deleted if its mode says so; in the modes that only
 * create or delete resources, that this was done. After the other two the next start goes on.
 */
export interface RunResult {
  readonly outcome: 'done' | 'drained' | 'stopped';
  /** For `process.exitCode`: 0, or 130 where it was asked to end. */
  readonly exitCode: number;
  readonly replicas: readonly ReplicaOutcome[];
}

export interface StopOptions {
  /**
   * `drain`: sources stop, and what they sent is processed; within `grace`. `now`: after the steps in hand. Default `drain`,
   * which is `now` where the run has not begun or has only a part of the replicas.
   */
  readonly mode?: 'drain' | 'now';
  /** Told to `onInterrupt`. Default `stop`. */
  readonly reason?: string;
}

/** What a run hears of its replicas and of what runs them. */
export interface RunReports extends SupervisorEvents {
  output(child: string, stream: 'stdout' | 'stderr', line: string): void;
}

/** The replicas of a start by operator, and the threads and processes that some of them are in. */
export interface Cast {
  readonly replicas: readonly ReplicaSet[];
  readonly children: () => readonly ChildInfo[];
}

export interface RunParts {
  readonly plan: Plan;
  readonly runId: string;
  readonly generation: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly grace: number;
  /** Makes the replicas of this start, which report to the run. */
  readonly createReplicas: (events: RunReports) => Cast;
  /** What remains to be done when every replica has ended: deletes, closes. `done` where all of them are done. */
  readonly onEnd: (done: boolean, plan: Plan) => Promise<void>;
}

const PROGRESS_MS = 1_000;
const LONGEST_WATCH_MS = 1_000;
/** What a clean-up hook gets at least after something was given up. */
const SHORTEST_GRACE_MS = 1_000;
/** pypz's number for an error without one of its own. */
const GENERAL_ERROR = 1;

/** A pipeline that runs. */
export class Run extends EventEmitter<RunEvents> {
  /** Resolves when everything has ended and is closed; rejects with the first error. Handling it is optional: errors are logged too. */
  readonly completed: Promise<RunResult>;
  readonly #parts: RunParts;
  readonly #sets: readonly ReplicaSet[];
  /** It runs all replicas of the pipeline. */
  readonly #isWhole: boolean;
  readonly #children: Cast['children'];
  readonly #meter: Meter;
  readonly #timers = new Set<Timer>();
  readonly #stuckSince = new WeakMap<LiveReplica, number>();
  #plan: Plan;
  /** The operator that is being rescaled. */
  #rescaling: string | undefined;
  #state: 'starting' | 'running' | 'draining' | 'stopping' | 'ended' = 'starting';
  #failure: { readonly replica: string; readonly error: Error } | undefined;
  #exitCode: number | undefined;

  constructor(parts: RunParts) {
    super();
    this.#parts = parts;
    this.#plan = parts.plan;
    const { replicas, children } = parts.createReplicas({
      stage: (...event) => this.#tell('stage', ...event),
      degraded: (...event) => this.#degraded(...event),
      error: (...event) => this.#failed(...event),
      restart: (...event) => this.#restarts(...event),
      output: (...event) => this.#output(...event),
    });
    this.#sets = replicas;
    this.#children = children;
    this.#isWhole = this.#replicas.length === countReplicas(parts.plan);
    this.#meter = new Meter(() => this.#replicas, parts.clock.now());
    this.completed = this.#live();
    this.completed.catch(() => {});
  }

  /** With the replicas that operators have by now. */
  get plan(): Plan {
    return this.#plan;
  }

  get runId(): string {
    return this.#parts.runId;
  }

  /** The start of the pipeline on its location, counted from 1; 0 with mode `Skip`. */
  get generation(): number {
    return this.#parts.generation;
  }

  /** The threads and processes that run replicas now. */
  get children(): readonly ChildInfo[] {
    return this.#children();
  }

  /** The stage of every replica of this start, by name. */
  get stages(): ReadonlyMap<string, Stage> {
    return new Map(this.#replicas.map(({ replica }) => [replica.name, replica.stage]));
  }

  /**
   * For `process.exitCode`; `undefined` while the run goes on. 0: done. 130: it was asked to end. 110 to 116, 129: the replica that
   * failed first, by stage as in pypz. 1: closing the run failed.
   */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Counters, rates and lags now; rates are those since the last call. */
  metrics(): Promise<RunMetrics> {
    return this.#meter.look(this.#parts.clock.now());
  }

  /**
   * Gives an operator another number of replicas while the run goes on. Those that it has end after the step in hand, which is
   * committed; the new ones, all of them built anew, go on from there: state goes along with its partition, nothing is lost, and
   * order within a partition holds. The rest of the pipeline runs on. `onInterrupt` of the replicas that end is told `rescale`.
   * The next start has the replicas of its plan again. Waits as long as the step in hand takes.
   * @param operator its name
   * @param replicas how many there are to be, at most as many as its inputs have partitions
   * @returns once the new replicas begin
   * @throws MillraceError `MILLRACE_OPTION_INVALID` where there is no such operator or number; `MILLRACE_RESCALE_REFUSED` where
   * state, order or records would be lost, the operator is done or the run ends, or beside another rescale: then all stays as it
   * is. What keeps the work from being handed over, which fails the run: the next start goes on.
   */
  async rescale(operator: string, replicas: number): Promise<void> {
    const where = `${this.plan.pipeline}.${operator}`;
    const plan = planRescale(this.plan, operator, replicas);
    const set = this.#sets.find((each) => each.operator === operator);
    if (this.#rescaling !== undefined) throw refused(where, `${this.plan.pipeline}.${this.#rescaling} is being rescaled; rescale ${operator} after it`);
    if (set === undefined || (this.#state !== 'starting' && this.#state !== 'running')) throw refused(where, `the run of ${this.plan.pipeline} ends, so ${operator} keeps its replicas`);
    if (set.replicas.length === replicas) return;
    this.#rescaling = operator;
    try {
      await set.rescale(plan.operators.find(({ name }) => name === operator)!);
      this.#plan = plan;
      this.#parts.logger.info({ operator: where, replicas }, 'rescaled');
    } finally {
      this.#rescaling = undefined;
    }
  }

  /**
   * Ends the run, deleting nothing: the next start goes on. A second call may ask for `now` after `drain`; else it only waits.
   * What does not end within `grace` after `now` is given up, which fails the run with `MILLRACE_TIMEOUT`.
   * @returns as {@link completed}
   */
  stop({ mode = 'drain', reason = 'stop' }: StopOptions = {}): Promise<RunResult> {
    const canDrain = this.#state !== 'starting' && this.#isWhole;
    this.#end(mode === 'drain' && canDrain ? 'draining' : 'stopping', reason);
    return this.completed;
  }

  get #replicas(): readonly { readonly operator: string; readonly replica: LiveReplica }[] {
    return this.#sets.flatMap(({ operator, replicas }) => replicas.map((replica) => ({ operator, replica })));
  }

  async #live(): Promise<RunResult> {
    // Waiting for data holds nothing that would keep Node.js from exiting; the run does.
    const alive = setInterval(() => {}, 0x7fff_ffff);
    try {
      // Whoever is handed the run gets to listen before it tells anything.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#state === 'starting') this.#state = 'running';
      this.#watch();
      this.#report(new Meter(() => this.#replicas, this.#parts.clock.now()));
      const outcomes = (await Promise.all(this.#sets.map((set) => set.run()))).flat();
      const done = outcomes.every(({ stage, reason }) => stage === 'Closed' && reason === 'done');
      await this.#close(done);
      if (this.#failure !== undefined) {
        this.#exitCode = outcomes.find(({ name }) => name === this.#failure?.replica)?.exitCode ?? GENERAL_ERROR;
        throw this.#explained(this.#failure.error);
      }
      const outcome = done ? 'done' : outcomes.some(({ reason }) => reason === 'stopped') ? 'stopped' : 'drained';
      this.#exitCode = outcome === 'done' ? 0 : 130;
      return { outcome, exitCode: this.#exitCode, replicas: outcomes };
    } finally {
      this.#state = 'ended';
      clearInterval(alive);
      for (const timer of this.#timers) timer.cancel();
      this.#timers.clear();
    }
  }

  async #close(done: boolean): Promise<void> {
    try {
      await this.#parts.onEnd(done, this.plan);
    } catch (thrown) {
      this.#failed(this.plan.pipeline, toError(thrown, 'closing the run'), 'close', this.#failure === undefined);
    }
  }

  #end(state: 'draining' | 'stopping', reason: string | undefined): void {
    if (this.#state === 'ended' || this.#state === 'stopping' || this.#state === state) return;
    this.#state = state;
    for (const set of this.#sets) set.interrupt(state === 'stopping' ? 'stop' : 'drain', reason);
    // Of a drain that takes too long nobody is told again: it is still the same signal.
    this.#after(this.#parts.grace, () => (state === 'draining' ? this.#end('stopping', undefined) : this.#giveUp()));
  }

  /** Leaves the hooks that do not return, and in their turn the clean-up hooks that do not. */
  #giveUp(): void {
    const { clock, grace } = this.#parts;
    for (const { replica } of this.#replicas) {
      if (replica.stage === 'Closed' || replica.stage === 'Failed') continue;
      const { busy } = replica;
      const what = busy === undefined ? `its stage ${replica.stage}` : `${busy.hook}, which began ${Math.round(clock.now() - busy.since)} ms ago`;
      replica.abandon(new MillraceError('MILLRACE_TIMEOUT', `${replica.name} did not stop within ${grace} ms; it is in ${what}. Its last step is not committed`, { operator: replica.name }));
    }
    this.#after(Math.max(grace, SHORTEST_GRACE_MS), () => this.#giveUp());
  }

  /** The first fatal error ends the run. */
  #failed(replica: string, error: Error, source: string, fatal: boolean): void {
    this.#parts.logger[fatal ? 'error' : 'warn']({ replica, source, error }, fatal ? 'replica failed' : 'error');
    if (fatal) this.#failure ??= { replica, error };
    this.#tell('error', replica, error, source, fatal);
    // Not in the middle of the replica's own failing.
    if (fatal) queueMicrotask(() => this.#end('stopping', 'failure'));
  }

  #restarts(replica: string, error: Error, attempt: number, pause: number): void {
    this.#parts.logger.warn({ replica, attempt, pause: Math.round(pause), error }, 'replica is started again');
    this.#tell('restart', replica, error, attempt, pause);
  }

  #output(child: string, stream: 'stdout' | 'stderr', line: string): void {
    if (this.listenerCount('output') > 0) this.#tell('output', child, stream, line);
    else process[stream].write(`[${child}] ${line}\n`);
  }

  #degraded(replica: string, port: string, writers: readonly string[]): void {
    this.#parts.logger.warn({ replica, port, writers: writers.join(' ') }, writers.length > 0 ? 'writers give no sign of life' : 'all writers are back');
    this.#tell('degraded', replica, port, writers);
  }

  #explained(error: Error): Error {
    if (!MillraceError.is(error, 'MILLRACE_FENCED')) return error;
    const { pipeline, location } = this.plan;
    return new MillraceError('MILLRACE_FENCED', `another start of ${pipeline} at ${location} took over, so this one (generation ${this.generation}) has ended`, { operator: error.operator, cause: error });
  }

  /** A listener that throws must not end a replica. */
  #tell<E extends keyof RunEvents>(...event: [E, ...RunEvents[E]]): void {
    try {
      (this.emit as (...event: [keyof RunEvents, ...unknown[]]) => boolean).call(this, ...event);
    } catch (thrown) {
      this.#parts.logger.error({ event: event[0], error: toError(thrown, `a listener of ${event[0]}`) }, 'a listener threw');
    }
  }

  /** Looks for hooks that do not return. */
  #watch(): void {
    const { plan, clock } = this.#parts;
    const limits = new Map(plan.operators.map(({ name, stepTimeout }) => [name, stepTimeout]));
    const shortest = Math.min(Infinity, ...[...limits.values()].filter((limit) => limit > 0));
    if (shortest === Infinity) return;
    const look = (): void => {
      for (const { operator, replica } of this.#replicas) {
        const { busy } = replica;
        const limit = limits.get(operator)!;
        if (busy === undefined || busy.waitsForRoom || limit === 0 || clock.now() - busy.since < limit || this.#stuckSince.get(replica) === busy.since) continue;
        this.#stuckSince.set(replica, busy.since);
        const error = stuckStep(replica.name, busy.hook, clock.now() - busy.since);
        this.#parts.logger.warn({ replica: replica.name, error }, 'stuck');
        this.#tell('stuck', replica.name, error);
      }
      this.#after(Math.min(shortest / 4, LONGEST_WATCH_MS), look);
    };
    this.#after(Math.min(shortest / 4, LONGEST_WATCH_MS), look);
  }

  #report(meter: Meter): void {
    this.#after(PROGRESS_MS, () => {
      if (this.listenerCount('progress') > 0) void meter.look(this.#parts.clock.now()).then((metrics) => this.#tell('progress', metrics));
      this.#report(meter);
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

function countReplicas(plan: Plan): number {
  return plan.operators.reduce((sum, { replicas }) => sum + replicas, 0);
}
