import { EXIT_CODE, MillraceError, toError, type BusyHook, type Clock, type CrashPoison, type ErrorCode, type HandedRecord, type PortCounters, type ReplicaCounters, type ReplicaEvents, type ReplicaOutcome, type RestartPlan, type Stage } from '@millrace/core';
import type { LiveReplica } from '../live-replica.js';
import { PastCounters } from './counters.js';
import type { Crashes } from './crashes.js';
import { Restarts } from './restarts.js';

/** One life of a replica. */
export type Life = LiveReplica & { readonly inHand?: HandedRecord | undefined };

/** What a supervised replica reports. */
export interface SupervisorEvents extends ReplicaEvents {
  /** It failed, and is started again after a pause: the n-th time within `restart.within`. */
  restart(replica: string, error: Error, attempt: number, pause: number): void;
}

export interface SupervisedOptions {
  readonly name: string;
  readonly restart: RestartPlan;
  readonly clock: Clock;
  readonly events: SupervisorEvents;
  /** Begins a life. */
  readonly begin: (events: ReplicaEvents, poisons: readonly CrashPoison[] | undefined) => Life;
  /** Why it must not be started again: a newer start of the pipeline has its work, and would lose it. Absent: nothing runs. */
  readonly overtaken?: () => Promise<Error | undefined>;
  /** Absent: it lives in this thread, whose crash nobody survives. */
  readonly crashes?: Crashes;
  /** What one of the same name counted before. */
  readonly past?: PastCounters;
}

/** After these a restart would do harm, or come to the same. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['MILLRACE_FENCED', 'MILLRACE_CLASS_NOT_FOUND', 'MILLRACE_INJECTION_FAILED', 'MILLRACE_BACKEND_UNKNOWN', 'MILLRACE_LOCATION_INVALID', 'MILLRACE_PLACEMENT_IMPOSSIBLE']);

/** A replica that is started again when it fails, as often as its operator's `restart` says. */
export class SupervisedReplica implements LiveReplica {
  readonly name: string;
  readonly #o: SupervisedOptions;
  readonly #restarts: Restarts;
  readonly #past: PastCounters;
  readonly #events: ReplicaEvents;
  #life: Life;
  #stop: 'none' | 'drain' | 'stop' = 'none';
  /** The restart that mends the failure of this life. */
  #next: { readonly attempt: number; readonly pause: number; readonly error: Error } | undefined;
  /** Others take its work over. */
  #isLeaving = false;
  /** A failure on its way out, which they mend. */
  #isExcused = false;
  /** What is reported in place of an error that no restart mends any more. */
  #final: Error | undefined;
  #wake: () => void = () => {};

  constructor(options: SupervisedOptions) {
    this.#o = options;
    this.name = options.name;
    this.#past = options.past ?? new PastCounters();
    this.#restarts = new Restarts(options.restart);
    const { events } = options;
    this.#events = {
      stage: (...event) => events.stage(...event),
      degraded: (...event) => events.degraded(...event),
      error: (replica, error, source, fatal) => this.#failed(replica, error, source, fatal),
    };
    this.#life = options.begin(this.#events, undefined);
  }

  get stage(): Stage {
    return this.#life.stage;
  }

  get busy(): BusyHook | undefined {
    return this.#life.busy;
  }

  get counters(): ReplicaCounters {
    return this.#past.replica(this.#life);
  }

  get portCounters(): Map<string, PortCounters> {
    return this.#past.ports(this.#life);
  }

  lag(): Promise<ReadonlyMap<string, number>> {
    return this.#life.lag();
  }

  interrupt(kind: 'drain' | 'stop', signal: string | undefined): void {
    if (this.#stop !== 'stop') this.#stop = kind;
    this.#life.interrupt(kind, signal);
    if (kind === 'stop') this.#wake();
  }

  abandon(error: Error): void {
    this.#stop = 'stop';
    this.#life.abandon(error);
    this.#wake();
  }

  /**
   * Ends it after the step in hand so that others take its work over, which then mend what a restart would.
   * @param reason for `onInterrupt`
   */
  leave(reason: string): void {
    this.#isLeaving = true;
    this.interrupt('stop', reason);
  }

  /** After its end: what it counted, for the one that follows it. */
  retire(): PastCounters {
    this.#past.add(this.#life);
    return this.#past;
  }

  /** All its lives. Never rejects. */
  async run(): Promise<ReplicaOutcome> {
    const { crashes, begin } = this.#o;
    try {
      await crashes?.load();
    } catch (thrown) {
      // It goes on without: what earlier runs knew of crashes saves some, and nothing else.
      this.#o.events.error(this.name, toError(thrown), 'crashes', false);
    }
    if (crashes?.poisons !== undefined) this.#life = begin(this.#events, crashes.poisons);
    for (;;) {
      if (this.#stop !== 'none') this.#life.interrupt(this.#stop, undefined);
      const outcome = await this.#life.run();
      const next = this.#next;
      this.#next = undefined;
      if (next === undefined) {
        if (this.#isExcused) return { ...outcome, stage: 'Closed', reason: 'stopped', exitCode: EXIT_CODE.interrupted, error: undefined };
        if (outcome.stage === 'Closed') await this.#quietly(async () => crashes?.forget());
        return this.#final === undefined ? outcome : { ...outcome, error: this.#final };
      }
      const verdict = await this.#judge(next.error);
      if (verdict === undefined) {
        this.#o.events.restart(this.name, next.error, next.attempt, next.pause);
        await this.#pause(next.pause);
      }
      const end = verdict ?? (await this.#overtaken());
      if (end !== undefined) {
        this.#o.events.error(this.name, end, 'restart', true);
        return { ...outcome, error: end };
      }
      this.#past.add(this.#life);
      this.#life = begin(this.#events, crashes?.poisons);
    }
  }

  /** Decides over a failure when it is told, so that it is told for what it is. */
  #failed(replica: string, error: Error, source: string, fatal: boolean): void {
    const { events, clock } = this.#o;
    if (!fatal) return events.error(replica, error, source, false);
    this.#restarts.note({ at: clock.wall(), error });
    if (this.#isMendable(error)) {
      const taken = this.#isLeaving ? undefined : this.#restarts.take(clock.now());
      if (this.#isLeaving && this.#o.restart.times > 0) this.#isExcused = true;
      else if (taken !== undefined) this.#next = { ...taken, error };
      else if (this.#o.restart.times > 0) this.#final = this.#exhausted(error);
    }
    events.error(replica, this.#final ?? error, source, this.#next === undefined && !this.#isExcused);
  }

  #isMendable(error: Error): boolean {
    if (this.#stop === 'stop' && !this.#isLeaving) return false;
    if (MillraceError.is(error) && FINAL.has(error.code)) return false;
    return this.#o.restart.afterErrors || isCrash(error) || MillraceError.is(error, 'MILLRACE_TRANSACTION_LOST');
  }

  /** What a crash means for the record in hand: an error where it is the end. */
  async #judge(error: Error): Promise<Error | undefined> {
    const { crashes } = this.#o;
    if (crashes === undefined || !isCrash(error)) return undefined;
    try {
      await crashes.note(this.#life.inHand, error);
      return undefined;
    } catch (thrown) {
      return toError(thrown);
    }
  }

  /** Where nobody can say it is started: whoever has its work now fences it. */
  async #overtaken(): Promise<Error | undefined> {
    try {
      return await this.#o.overtaken?.();
    } catch (thrown) {
      this.#o.events.error(this.name, toError(thrown), 'restart', false);
      return undefined;
    }
  }

  #exhausted(last: Error): MillraceError {
    const { name, restart: { times, within } } = this.#o;
    const { history } = this.#restarts;
    const lines = history.map(({ at, error }) => `  - ${new Date(at).toISOString()} ${error.message}`);
    return new MillraceError('MILLRACE_RESTARTS_EXHAUSTED', `${name} failed again after ${times} ${times === 1 ? 'restart' : 'restarts'} within ${within} ms; its failures were:\n${lines.join('\n')}`, { operator: name, cause: history.length === 1 ? last : new AggregateError(history.map(({ error }) => error), `all failures of ${name}`, { cause: last }) });
  }

  /** Ends early when a stop is asked for. */
  #pause(ms: number): Promise<void> {
    if (this.#stop === 'stop') return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#o.clock.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      this.#o.events.error(this.name, toError(thrown), 'crashes', false);
    }
  }
}

function isCrash(error: Error): boolean {
  return MillraceError.is(error, 'MILLRACE_CHILD_CRASHED') || MillraceError.is(error, 'MILLRACE_CHILD_HUNG');
}
