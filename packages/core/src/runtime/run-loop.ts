import { MillraceError, toError } from '../error/index.js';
import { Operator, type EndReason, type OperatorHook, type StepResult } from '../operator/index.js';
import { Batching } from './batching.js';
import type { DriverAhead, ReplicaDriver } from './driver.js';
import type { ReplicaEnvironment } from './environment.js';
import type { Execution } from './execution.js';
import { HookError } from './hook-error.js';
import type { ReplicaCounters } from './metrics.js';
import type { Replay } from './replay.js';
import { Wake, type Signal } from './signal.js';
import { StepRunner, type Boundary, type Busy } from './step-runner.js';
import type { StopRequest } from './stop.js';
import { Timing } from './timing.js';

export interface RunLoopOptions {
  readonly env: ReplicaEnvironment;
  readonly execution: Execution;
  readonly instance: Operator;
  readonly signal: Signal;
  readonly replay: Replay;
  readonly stop: StopRequest;
  readonly counters: ReplicaCounters;
}

type Ended = Exclude<EndReason, 'failed'>;
/** How the loop goes on: after a wait, woken for reasons where it slept, or not at all. */
type Next = Promise<number | Ended | void> | Ended;

/** To be waited for where others are to go on. */
const TURN = Promise.resolve();

/**
 * OperationRunning: steps while there is work, ticks, commits between steps, and sleep when there is nothing to do. Steps that
 * return at once make no promise here.
 */
export class RunLoop implements Boundary {
  /** The hook that runs now, for the watch over those that never return. Not kept for steps that return at once. */
  busy: Busy | undefined;
  readonly held: Boundary['held'];
  readonly #o: RunLoopOptions;
  readonly #timing: Timing;
  readonly #runner: StepRunner;
  readonly #isSource: boolean;
  /** Call `onRunning` although there is nothing to retrieve. */
  #again = false;
  /** The operator left what was there: it waits for something else, so call it when something happens. */
  #blocked = false;
  #last: StepResult = undefined;
  readonly #batching = new Batching();

  constructor(options: RunLoopOptions) {
    const { env, execution, instance, signal, replay, stop, counters } = options;
    this.#o = options;
    this.#isSource = execution.inputs.size === 0;
    const { driver } = env;
    this.held = driver && ((ahead) => this.#held(driver, ahead));
    this.#timing = new Timing(env.clock, env.operator, counters);
    this.#runner = new StepRunner({ instance, execution, signal, replay, timing: this.#timing, stop, boundary: this, counters });
    execution.loops.mustPark = () => this.#mustPark();
  }

  /** Runs until the operator is done, its inputs have ended, or a stop was asked for. @throws HookError, or the error of a commit */
  async run(): Promise<Ended> {
    for (;;) {
      const next = this.#goOn();
      const result = typeof next === 'string' ? next : await next;
      if (typeof result === 'string') return result;
      if (typeof result === 'number') this.#woken(result);
    }
  }

  /** Goes on until there is something to wait for. */
  #goOn(): Next {
    const { execution, stop } = this.#o;
    const { held } = this;
    for (;;) {
      if (execution.failure !== undefined) throw execution.failure;
      if (this.#last !== true && stop.kind !== 'none') {
        if (stop.kind === 'stop') return 'stopped';
        if (this.#isSource) return 'drained';
        execution.inputs.drain();
      }
      const ahead = this.#ahead();
      const next = held === undefined ? this.#make(ahead) : this.#makeHeld(held, ahead);
      if (next !== undefined) return next;
    }
  }

  #make(ahead: DriverAhead): Next | undefined {
    switch (ahead) {
      case 'step':
        this.#again = false;
        return this.#runner.run();
      case 'tick':
        return this.#tick();
      case 'commit':
        return this.#rest() ?? this.commit();
      case 'sleep':
        return this.#rest() ?? this.#sleep();
      case 'end':
        // An end by draining is none for good, whatever the operator made of it: the next start has to go on from here.
        return this.#o.execution.inputs.areDrained ? 'drained' : 'done';
    }
  }

  async #makeHeld(held: NonNullable<Boundary['held']>, ahead: DriverAhead): Promise<number | Ended | void> {
    if (!(await held(ahead))) return await this.#make(ahead);
  }

  /** Calls `onCommit`, and commits. */
  commit(done = false): Promise<void> | undefined {
    const { instance, execution } = this.#o;
    this.#timing.committed();
    const commit = instance.onCommit === Operator.prototype.onCommit ? execution.commit(done) : this.hook('onCommit', () => instance.onCommit()).then(() => execution.commit(done));
    return commit && this.#timing.waitFor(commit);
  }

  /** A hook in which sending is part of a step: `onTick`, `onCommit`, `onShutdown`, `onInit`. @throws HookError */
  async hook(hook: OperatorHook, call: () => unknown): Promise<void> {
    const { execution, env } = this.#o;
    const { step } = execution;
    const { busy } = this;
    const isInStep = step.active;
    step.active = true;
    this.busy = { hook, since: env.clock.now() };
    try {
      await call();
      await execution.settle();
    } catch (error) {
      throw new HookError(hook, toError(error, `${execution.name}.${hook}`));
    } finally {
      this.busy = busy;
      step.active = isInStep;
    }
    execution.touch();
  }

  /** Between two turns of loops: ticks and commits that are due. */
  async attend(): Promise<void> {
    this.#timing.look();
    if (this.#timing.isTickDue) await this.#tick();
    if (this.#timing.isCommitDue || this.#o.execution.wantsCommit) await this.commit();
  }

  /** The step did something that a commit has to cover. */
  dirtied(): void {
    const { execution } = this.#o;
    execution.touch();
    this.#timing.dirtied();
    if (execution.hasLost) this.#timing.commitAt = this.#timing.now;
  }

  get isIdleCommitDue(): boolean {
    return this.#o.execution.isDirty && (this.held !== undefined || this.#timing.now >= this.#timing.idleCommitAt);
  }

  get dueAt(): number {
    const { tickAt, idleCommitAt } = this.#timing;
    return this.#o.execution.isDirty ? Math.min(tickAt, idleCommitAt) : tickAt;
  }

  #ahead(): DriverAhead {
    const { execution } = this.#o;
    if (this.#last === true) return 'end';
    if (this.#timing.isTickDue) return 'tick';
    if (this.#hasWork()) return 'step';
    // Not before the others had their turn: they may have more.
    if (!this.#isSource && (this.held !== undefined || this.#batching.hasYielded)) {
      // The operator may have waited for just that, so it gets another step.
      if (execution.inputs.checkEnds()) {
        this.#again = true;
        return 'step';
      }
      if (execution.inputs.areEnded && this.#last !== false) return 'end';
    }
    return execution.wantsCommit || this.isIdleCommitDue ? 'commit' : 'sleep';
  }

  #hasWork(): boolean {
    if (this.#again) return true;
    if (this.#idles()) return this.#timing.now >= this.#timing.idleAt;
    return !this.#blocked && this.#o.execution.inputs.poll();
  }

  /** Sources, and operators whose inputs have ended but who are not done, are called without being asked, with pauses. */
  #idles(): boolean {
    return this.#isSource || (this.#last === false && this.#o.execution.inputs.areEnded);
  }

  /** Notes what a step gave, and does what is due after it. */
  stepped(result: StepResult): Promise<void> | undefined {
    const timing = this.#timing;
    this.#last = result;
    if (result === true) return undefined;
    this.#note();
    const commit = timing.isCommitDue || this.#o.execution.wantsCommit ? this.commit() : undefined;
    if (timing.isPauseDue) return commit === undefined ? timing.pause() : commit.then(() => timing.pause());
    return commit ?? (this.#batching.isTurnOver() ? TURN : undefined);
  }

  /** Notes what the step did. */
  #note(): void {
    const { execution, env } = this.#o;
    const { step } = execution;
    if (step.retrieved > 0 || step.sent > 0) {
      this.#batching.took(step.retrieved, step.sent);
      this.#blocked = false;
      this.#timing.progressed();
      this.dirtied();
      return;
    }
    this.#blocked = true;
    this.#timing.look();
    this.#timing.idled();
    // State may have changed all the same, and positions that were held back.
    if (env.operator.states.length > 0 || execution.inputs.haveMoved) this.dirtied();
  }

  async #tick(): Promise<void> {
    const { instance, execution } = this.#o;
    this.#timing.ticked();
    if (!execution.step.active) execution.step.turn();
    await this.hook('onTick', () => instance.onTick());
    this.#timing.look();
    this.dirtied();
  }

  /** Out of work: lets the others of the thread go on for a moment where that makes batches. Nothing: they did. */
  #rest(): Promise<void> | undefined {
    if (this.held !== undefined) return undefined;
    if (this.#batching.mustYield()) return TURN;
    return this.#batching.mustRest() ? this.#timing.pause().then(() => this.#batching.rested()) : undefined;
  }

  #sleep(): Promise<number> | undefined {
    const { signal, execution } = this.#o;
    const timing = this.#timing;
    timing.look();
    const wait = signal.wait(Math.min(this.dueAt, this.#idles() ? timing.idleAt : execution.inputs.lookAgainAt));
    if (typeof wait !== 'number') return wait;
    this.#woken(wait);
    return undefined;
  }

  #woken(reasons: number): void {
    this.#timing.wake();
    this.#blocked = false;
    if ((reasons & Wake.Asked) !== 0) this.#again = true;
  }

  /** Lets a test make a move instead of what is ahead. */
  async #held(driver: ReplicaDriver, ahead: DriverAhead): Promise<boolean> {
    const move = await driver.hold(ahead);
    if (move === undefined) return false;
    const reasons = this.#o.signal.take();
    if (reasons !== 0) this.#woken(reasons);
    else this.#timing.wake();
    if (move === 'tick') await this.#tick();
    if (move === 'commit') await this.commit();
    return true;
  }

  /** While true no loop gets another batch without a look at what is due. */
  #mustPark(): boolean {
    const { execution, replay, stop } = this.#o;
    const timing = this.#timing;
    timing.look();
    return this.held !== undefined || replay.active || timing.isCommitDue || execution.wantsCommit || timing.isTickDue || timing.isPauseDue || stop.kind === 'stop';
  }
}

/** The error to report for a step that took too long. @internal */
export function stuckStep(name: string, hook: string, ms: number): MillraceError {
  return new MillraceError('MILLRACE_STEP_STUCK', `${name}.${hook} has not returned for ${Math.round(ms)} ms; if it waits for something, let it return and come again`, { operator: name });
}
