import type { MaybePromise } from '../channel/spi.js';
import { MillraceError, toError } from '../error/index.js';
import { Operator, type EndReason, type OperatorHook, type StepResult } from '../operator/index.js';
import type { ReplicaEnvironment } from './environment.js';
import type { Execution } from './execution.js';
import type { Loops } from './loops.js';
import type { ReplicaCounters } from './metrics.js';
import { mustPause, pauseForEventLoop } from './pacer.js';
import type { Replay } from './replay.js';
import { Wake, type Signal } from './signal.js';
import { ROOM, type StepScope } from './step.js';

/** An error of a hook, with the hook's name. */
export class HookError extends Error {
  constructor(
    readonly hook: OperatorHook,
    override readonly cause: Error,
  ) {
    super(cause.message, { cause });
  }
}

/** What was asked of a replica: nothing, to drain, or to stop at once. */
export interface StopRequest {
  kind: 'none' | 'drain' | 'stop';
}

export interface RunLoopOptions {
  readonly env: ReplicaEnvironment;
  readonly execution: Execution;
  readonly instance: Operator;
  readonly signal: Signal;
  readonly step: StepScope;
  readonly loops: Loops;
  readonly replay: Replay;
  readonly stop: StopRequest;
  readonly counters: ReplicaCounters;
}

const FIRST_IDLE_MS = 10;
/** Steps between two looks at the clock while steps are short. */
const SAMPLE = 16;
const SLOW_STEP_MS = 0.05;

/**
 * OperationRunning: steps while there is work, ticks, commits between steps, and sleep when there is nothing to do. Steps that
 * return at once make no promise here.
 */
export class RunLoop {
  readonly #o: RunLoopOptions;
  readonly #isSource: boolean;
  #now: number;
  #sinceSample = 0;
  #slow = true;
  /** A promise settled by the operator; set by the two handlers, so that a step costs no closure. */
  #outcome: { value: StepResult } | { error: unknown } | undefined;
  #commitAt = Infinity;
  #tickAt = Infinity;
  #idleAt = 0;
  #idleMs = FIRST_IDLE_MS;
  /** Call `onRunning` although there is nothing to retrieve. */
  #again = false;
  /** The operator left what was there: it waits for something else, so call it when something happens. */
  #blocked = false;
  #pauseDue = false;
  #last: StepResult = undefined;
  /** When the hook that runs now began, for the watch over steps that never return; `undefined` between hooks. */
  busySince: number | undefined;
  busyHook: string | undefined;

  constructor(options: RunLoopOptions) {
    this.#o = options;
    this.#isSource = options.execution.inputs.size === 0;
    this.#now = options.env.clock.now();
    const { tick } = options.env.operator;
    if (tick !== undefined) this.#tickAt = this.#now + tick;
  }

  /** While true no loop gets another batch without the run loop having looked: something is due. */
  get mustPark(): boolean {
    const { execution, replay, env } = this.#o;
    this.#now = env.clock.now();
    return replay.active || this.#commitDue() || execution.wantsCommit || this.#now >= this.#tickAt || mustPause(performance.now());
  }

  /** Runs until the operator is done, its inputs have ended, or a stop was asked for. @throws HookError, or the error of a commit */
  async run(): Promise<Exclude<EndReason, 'failed'>> {
    const { env, execution, signal, stop } = this.#o;
    for (;;) {
      if (execution.failure !== undefined) throw execution.failure;
      if (stop.kind === 'stop') return 'stopped';
      if (stop.kind === 'drain') {
        if (this.#isSource) return 'drained';
        for (const port of execution.inputs.values()) port.drain();
      }
      if (this.#now >= this.#tickAt) await this.#tick();
      if (this.#hasWork()) {
        const step = this.#running();
        this.#last = step instanceof Promise ? await step : step;
        if (this.#last === true) return this.#isDrained() ? 'drained' : 'done';
        this.#afterStep();
        if (this.#commitDue() || execution.wantsCommit) {
          const commit = this.commit();
          if (commit !== undefined) await commit;
        }
        if (this.#pauseDue) {
          this.#pauseDue = false;
          await pauseForEventLoop();
        }
        continue;
      }
      const end = this.#checkEnds();
      if (end !== undefined) return end;
      if (this.#again) continue;
      if (execution.isDirty) {
        await this.commit();
        continue;
      }
      const wait = signal.wait(Math.min(this.#tickAt, this.#idles() ? this.#idleAt : this.#lookAgainAt()));
      const reasons = typeof wait === 'number' ? wait : await wait;
      this.#now = env.clock.now();
      this.#blocked = false;
      if ((reasons & Wake.Asked) !== 0) this.#again = true;
    }
  }

  /** Calls `onCommit`, and commits. */
  commit(done = false): MaybePromise<void> {
    const { instance, execution, counters } = this.#o;
    this.#commitAt = Infinity;
    counters.commits++;
    if (instance.onCommit === Operator.prototype.onCommit) return execution.commit(done);
    return this.hook('onCommit', () => instance.onCommit()).then(() => execution.commit(done));
  }

  /** A hook in which sending is part of a step: `onTick`, `onCommit`, `onShutdown`, `onInit`. @throws HookError */
  async hook(hook: OperatorHook, call: () => unknown): Promise<void> {
    const { step, execution, env } = this.#o;
    const before = { active: step.active, since: this.busySince, hook: this.busyHook };
    step.active = true;
    this.busySince = env.clock.now();
    this.busyHook = hook;
    try {
      await call();
      await execution.settle();
    } catch (error) {
      throw new HookError(hook, toError(error, `${execution.name}.${hook}`));
    } finally {
      this.busySince = before.since;
      this.busyHook = before.hook;
      step.active = before.active;
    }
    execution.touch();
  }

  async #tick(): Promise<void> {
    const { env, instance, step } = this.#o;
    const { tick } = env.operator;
    // From when it was due, so that ticks do not drift; missed ones are not made up for.
    this.#tickAt = Math.max(this.#tickAt + tick!, this.#now);
    if (!step.active) step.turn();
    await this.hook('onTick', () => instance.onTick());
    this.#now = env.clock.now();
    this.#dirtied();
  }

  #lookAgainAt(): number {
    let at = Infinity;
    for (const port of this.#o.execution.inputs.values()) at = Math.min(at, port.lookAgainAt);
    return at;
  }

  #hasWork(): boolean {
    if (this.#again) return true;
    if (this.#idles()) return this.#now >= this.#idleAt;
    if (this.#blocked) return false;
    for (const port of this.#o.execution.inputs.values()) if (port.poll()) return true;
    return false;
  }

  /** Sources, and operators whose inputs have ended but who are not done, are called without being asked, with pauses. */
  #idles(): boolean {
    return this.#isSource || (this.#last === false && [...this.#o.execution.inputs.values()].every((port) => port.ended));
  }

  #checkEnds(): Exclude<EndReason, 'failed'> | undefined {
    if (this.#isSource) return undefined;
    let all = true;
    for (const port of this.#o.execution.inputs.values()) {
      // The operator may have waited for just that, so it gets another step.
      if (port.checkEnd() && this.#o.execution.inputs.size > 1) this.#again = true;
      all &&= port.ended;
    }
    if (!all || this.#last === false) return undefined;
    this.#again = false;
    return this.#isDrained() ? 'drained' : 'done';
  }

  /** An end by draining is none for good, whatever the operator made of it: the next start has to go on from here. */
  #isDrained(): boolean {
    return [...this.#o.execution.inputs.values()].some((port) => port.finished === 'drained');
  }

  /** One `onRunning`. Synchronous where the operator was and nothing has to be waited for. */
  #running(): MaybePromise<StepResult> {
    const { step, instance, execution, counters } = this.#o;
    this.#again = false;
    counters.steps++;
    this.#sample();
    step.begin();
    let result: StepResult | Promise<StepResult>;
    try {
      result = instance.onRunning();
    } catch (error) {
      return this.#failed(error);
    }
    if (result instanceof Promise && result !== (ROOM as Promise<unknown>)) return this.#finishLater(result);
    const settling = execution.settle();
    if (settling !== undefined) return this.#finishLater(settling.then(() => (result === (ROOM as Promise<unknown>) ? undefined : (result as StepResult))));
    step.active = false;
    return result === (ROOM as Promise<unknown>) ? undefined : (result as StepResult);
  }

  #failed(error: unknown): Promise<never> {
    this.#o.step.active = false;
    return Promise.reject(new HookError('onRunning', toError(error, `${this.#o.execution.name}.onRunning`)));
  }

  async #finishLater(result: Promise<StepResult>): Promise<StepResult> {
    const { step, execution, env } = this.#o;
    const began = (this.busySince = env.clock.now());
    this.busyHook = 'onRunning';
    try {
      const value = await this.#drive(result);
      const settling = execution.settle();
      if (settling !== undefined) await settling;
      step.active = false;
      // Loops that were cut short by a stop look to the operator like ended ones; it is not done for that.
      return this.#o.loops.wereStopped ? undefined : value;
    } catch (error) {
      if (error instanceof HookError || error === execution.failure || error instanceof CommitError) throw error instanceof CommitError ? error.cause : error;
      return await this.#failed(error);
    } finally {
      this.busySince = undefined;
      this.#now = env.clock.now();
      this.#o.counters.stepMs += this.#now - began;
      this.#slow = true;
      this.#sinceSample = 0;
      this.#pauseDue = mustPause(performance.now());
    }
  }

  /** Waits for `onRunning`, and meanwhile serves its loops: batches, and commits and ticks whenever all of them wait. */
  async #drive(result: Promise<StepResult>): Promise<StepResult> {
    const { signal, loops, execution } = this.#o;
    this.#outcome = undefined;
    result.then(this.#onValue, this.#onError);
    for (;;) {
      const outcome = this.#outcome as { value: StepResult } | { error: unknown } | undefined;
      if (outcome !== undefined) {
        if ('error' in outcome) throw outcome.error;
        return outcome.value;
      }
      let delivered = false;
      let deadline = Infinity;
      if (loops.active > 0) {
        if (execution.failure !== undefined) throw execution.failure;
        delivered = loops.allParked ? await this.#betweenTurns() : !this.mustPark && loops.deliver(false);
        deadline = Math.min(this.#tickAt, loops.allParked ? Infinity : this.#commitAt);
        // A loop is busy with a batch: being overdue alone brings nothing, its next turn will.
        if (deadline <= this.#now && !loops.allParked) deadline = Infinity;
      }
      if (delivered) continue;
      const wait = signal.wait(deadline);
      const reasons = typeof wait === 'number' ? wait : await wait;
      if ((reasons & Wake.Asked) !== 0) this.#again = true;
    }
  }

  /** Every loop waits, so everything handed out is processed: a boundary like the one between two steps. */
  async #betweenTurns(): Promise<boolean> {
    const { execution, step, loops, stop, replay, counters } = this.#o;
    const settling = execution.settle();
    if (settling !== undefined) await settling;
    this.#now = this.#o.env.clock.now();
    if (step.retrieved > 0 || step.sent > 0) this.#dirtied();
    counters.steps++;
    step.turn();
    if (stop.kind === 'stop') loops.stop();
    if (stop.kind === 'drain') for (const port of execution.inputs.values()) port.drain();
    if (this.#now >= this.#tickAt) await this.#tick();
    if (this.#commitDue() || execution.wantsCommit) await this.#commitInLoop();
    if (mustPause(performance.now())) await pauseForEventLoop();
    if (loops.deliver(replay.active)) return true;
    for (const port of execution.inputs.values()) port.checkEnd();
    if (loops.deliver(replay.active)) return true;
    if (execution.isDirty) {
      await this.#commitInLoop();
      return loops.deliver(replay.active);
    }
    return false;
  }

  async #commitInLoop(): Promise<void> {
    try {
      await this.commit();
    } catch (error) {
      // Not the operator's doing: must not be taken for a failed step.
      throw error instanceof HookError ? error : new CommitError(toError(error, 'commit'));
    }
  }

  readonly #onValue = (value: StepResult): void => {
    this.#outcome = { value };
    this.#o.signal.notify(Wake.Settled);
  };

  readonly #onError = (error: unknown): void => {
    this.#outcome = { error };
    this.#o.signal.notify(Wake.Settled);
  };

  #afterStep(): void {
    const { step, env } = this.#o;
    if (step.retrieved > 0 || step.sent > 0) {
      this.#idleMs = FIRST_IDLE_MS;
      this.#idleAt = 0;
      this.#dirtied();
      return;
    }
    this.#blocked = true;
    // State may have changed all the same.
    if (env.operator.states.length > 0) this.#dirtied();
    this.#now = env.clock.now();
    this.#idleAt = this.#now + this.#idleMs;
    this.#idleMs = Math.min(2 * this.#idleMs, Math.max(FIRST_IDLE_MS, env.operator.idle));
  }

  #dirtied(): void {
    const { execution, env } = this.#o;
    execution.touch();
    if (this.#commitAt === Infinity) this.#commitAt = this.#now + env.operator.commitInterval;
  }

  #commitDue(): boolean {
    return this.#now >= this.#commitAt;
  }

  /** Looks at the clock: always while steps are slow, now and then while they are short. */
  #sample(): void {
    if (!this.#slow && ++this.#sinceSample < SAMPLE) return;
    const now = this.#o.env.clock.now();
    const steps = this.#slow ? 1 : this.#sinceSample;
    const spent = now - this.#now;
    this.#sinceSample = 0;
    this.#now = now;
    this.#slow = spent / steps > SLOW_STEP_MS;
    this.#o.counters.stepMs += spent;
    this.#pauseDue = mustPause(performance.now());
  }
}

/** Wraps the error of a commit made while `onRunning` is on its way. */
class CommitError extends Error {
  constructor(override readonly cause: Error) {
    super(cause.message, { cause });
  }
}

/** The error to report for a step that took too long. */
export function stuckStep(name: string, hook: string, ms: number): MillraceError {
  return new MillraceError('MILLRACE_STEP_STUCK', `${name}.${hook} has not returned for ${Math.round(ms)} ms; if it waits for something, let it return and come again`, { operator: name });
}

