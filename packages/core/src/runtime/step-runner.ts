import { MillraceError, toError } from '../error/index.js';
import type { Operator, StepResult } from '../operator/index.js';
import type { DriverAhead } from './driver.js';
import type { Execution } from './execution.js';
import { HookError } from './hook-error.js';
import type { Replay } from './replay.js';
import { Wake, type Signal } from './signal.js';
import { ROOM } from './step.js';
import type { StopRequest } from './stop.js';
import type { Timing } from './timing.js';

/** What happens between two turns of loops, as between two steps. */
export interface Boundary {
  /** The hook that runs now and since when. */
  busy: Busy | undefined;
  /** Commits or ticks, if due. */
  attend(): Promise<void>;
  /** Whether a test made a move instead of what is ahead; absent where no test drives the replica. */
  readonly held: ((ahead: DriverAhead) => Promise<boolean>) | undefined;
  /** The step read or sent something. */
  dirtied(): void;
  /** A step is over: does what is due after it. */
  stepped(result: StepResult): Promise<void> | undefined;
  /** Whether a replica that is out of work has something to commit, and it is time. */
  readonly isIdleCommitDue: boolean;
  /** When a replica that is out of work has something to do again: a tick, or such a commit. */
  readonly dueAt: number;
  commit(): Promise<void> | undefined;
}

export interface Busy {
  readonly hook: string;
  /** On the clock's monotonic scale. */
  readonly since: number;
}

export interface StepRunnerOptions {
  readonly instance: Operator;
  readonly execution: Execution;
  readonly signal: Signal;
  readonly replay: Replay;
  readonly timing: Timing;
  readonly stop: StopRequest;
  readonly boundary: Boundary;
  readonly counters: { steps: number };
}

interface PlainStep {
  readonly resolve: (over: Promise<void> | undefined) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly value: StepResult } | { readonly error: unknown };

/** Calls `onRunning`. A step that returns at once makes no promise here; one with loops has a boundary between their turns. */
export class StepRunner {
  readonly #o: StepRunnerOptions;
  #outcome: Outcome | undefined;
  /** An asynchronous step that has no loops so far. */
  #plain: PlainStep | undefined;
  /** No loop of the step has had a batch yet. */
  #isFirstTurn = true;

  constructor(options: StepRunnerOptions) {
    this.#o = options;
    options.execution.loops.onPark = () => {
      // Later, so that loops that begin together are there together.
      if (this.#plain !== undefined) queueMicrotask(() => this.#followLoops());
    };
  }

  /** One step, and what is due after it. Nothing: both are over. @throws HookError, or the error of a commit */
  run(): Promise<void> | undefined {
    const { instance, execution, timing, counters, boundary } = this.#o;
    const { step } = execution;
    counters.steps++;
    timing.sample();
    step.begin();
    let result: StepResult | Promise<StepResult>;
    try {
      result = instance.onRunning();
    } catch (error) {
      throw this.#failed(error);
    }
    // What `send` gave, returned by an operator that does not care: nothing to wait for.
    if (result === (ROOM as unknown)) result = undefined;
    if (result instanceof Promise) return this.#follow(result);
    const settling = execution.settle();
    if (settling !== undefined) return this.#follow(settling.then(() => result));
    step.active = false;
    return boundary.stepped(result);
  }

  /** Waits for a step that did not return at once: with little effort as long as nothing comes in between. */
  #follow(result: Promise<StepResult>): Promise<void> {
    const { execution, timing, boundary } = this.#o;
    boundary.busy = { hook: 'onRunning', since: timing.now };
    result.then(this.#onValue, this.#onError);
    if (execution.loops.areActive || boundary.held !== undefined) return this.#followClosely();
    return new Promise((resolve, reject) => {
      this.#plain = { resolve, reject };
    });
  }

  /** The step turns out to have loops, or something to wait for. */
  #followLoops(): void {
    const plain = this.#plain;
    this.#plain = undefined;
    plain?.resolve(this.#followClosely());
  }

  async #followClosely(): Promise<void> {
    await this.#o.boundary.stepped(await this.#toItsEnd());
  }

  async #toItsEnd(): Promise<StepResult> {
    const { execution, timing, boundary } = this.#o;
    const { step, loops } = execution;
    try {
      const value = await this.#drive();
      await this.#settle();
      const left = loops.finish();
      if (left !== undefined) throw new MillraceError('MILLRACE_STEP_FAILED', `${execution.name}.onRunning returned while a loop over ${left} had a batch in hand; await the loop`, { operator: execution.name, port: left });
      // Loops that were cut short by a stop look to the operator like ended ones; it is not done for that.
      return loops.wereStopped ? undefined : value;
    } catch (error) {
      const failure = error as Error;
      loops.abandon(failure instanceof HookError ? failure.cause : failure);
      throw failure;
    } finally {
      step.active = false;
      boundary.busy = undefined;
      timing.look();
    }
  }

  /** Waits for `onRunning`, and meanwhile serves its loops. */
  async #drive(): Promise<StepResult> {
    const { signal, execution, timing, boundary } = this.#o;
    const { loops } = execution;
    let heard = 0;
    this.#isFirstTurn = true;
    for (;;) {
      const outcome = this.#outcome;
      if (outcome !== undefined) {
        // Who reads is asked again after the step, which may have looked before that came.
        signal.notify(heard & (Wake.Data | Wake.Status | Wake.Asked));
        this.#outcome = undefined;
        if ('error' in outcome) throw this.#failed(outcome.error);
        return outcome.value;
      }
      if (loops.areActive && (await this.#serve())) continue;
      const isResting = loops.areParked;
      timing.look();
      if (isResting) boundary.busy = undefined;
      const wait = signal.wait(loops.areActive ? Math.min(execution.inputs.lookAgainAt, isResting ? boundary.dueAt : Infinity) : Infinity);
      heard |= typeof wait === 'number' ? wait : await wait;
      if (isResting) {
        timing.wake();
        boundary.busy = { hook: 'onRunning', since: timing.now };
      }
    }
  }

  /** @returns whether a loop went on, or others may now */
  async #serve(): Promise<boolean> {
    const { execution, timing, stop, replay } = this.#o;
    const { loops } = execution;
    if (execution.failure !== undefined) throw execution.failure;
    if (stop.kind === 'stop') loops.stop();
    if (stop.kind === 'drain') execution.inputs.drain();
    if (loops.takeLeft()) {
      await timing.pause();
      return true;
    }
    if (loops.areParked) return await this.#betweenTurns();
    // A loop has a batch in hand: no boundary yet, and others go on beside it unless one is due.
    if (timing.isPauseDue) await timing.pause();
    return loops.deliver({ inner: loops.mustPark(), one: replay.active });
  }

  /** Every loop waits, so everything handed out is processed: a boundary like the one between two steps. */
  async #betweenTurns(): Promise<boolean> {
    const { execution, timing, boundary, replay, counters } = this.#o;
    const { step, loops } = execution;
    await this.#settle();
    if (step.retrieved > 0 || step.sent > 0) {
      boundary.dirtied();
      counters.steps++;
    }
    step.turn();
    if (boundary.held !== undefined && (await this.#isHeld(boundary.held))) return true;
    await boundary.attend();
    // What goes on turn by turn is not stuck, however long it has been at it.
    boundary.busy = { hook: 'onRunning', since: timing.now };
    if (timing.isPauseDue) await timing.pause();
    this.#isFirstTurn = false;
    const all = { inner: false, one: replay.active };
    if (loops.deliver(all) || step.retrieved > 0) return true;
    execution.inputs.checkEnds();
    if (loops.deliver(all)) return true;
    if (!boundary.isIdleCommitDue) return false;
    await boundary.commit();
    return loops.deliver(all);
  }

  /** A turn is a step to who drives the replica; the first one belongs to the step that has begun already. */
  async #isHeld(held: (ahead: DriverAhead) => Promise<boolean>): Promise<boolean> {
    const { execution, timing } = this.#o;
    if (timing.isTickDue) return await held('tick');
    execution.inputs.checkEnds();
    if (execution.loops.haveTurns) return !this.#isFirstTurn && (await held('step'));
    return await held(execution.isDirty ? 'commit' : 'sleep');
  }

  async #settle(): Promise<void> {
    try {
      await this.#o.execution.settle();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): HookError {
    const { execution } = this.#o;
    execution.step.active = false;
    return new HookError('onRunning', toError(error, `${execution.name}.onRunning`));
  }

  // Two handlers for all steps, so that a step costs no closure.
  readonly #onValue = (value: StepResult): void => {
    const plain = this.#plain;
    if (plain === undefined || this.#o.execution.isUnsettled) {
      this.#settled({ value });
      return;
    }
    const { execution, boundary, timing } = this.#o;
    this.#plain = undefined;
    execution.step.active = false;
    boundary.busy = undefined;
    timing.look();
    try {
      plain.resolve(boundary.stepped(value));
    } catch (error) {
      plain.reject(error);
    }
  };

  readonly #onError = (error: unknown): void => this.#settled({ error });

  #settled(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#followLoops();
    this.#o.signal.notify(Wake.Settled);
  }
}
