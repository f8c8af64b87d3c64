import { MillraceError, silentLogger, type AddOptions, type DeadLetter, type InstanceOf, type Logger, type Operator, type OperatorClass, type PortCounters, type ReplicaCounters, type ReplicaOutcome, type Stage } from '@millrace/core';
import { SettableClock } from '../clock/index.js';
import { Bench } from './bench.js';
import type { HarnessInput } from './input.js';
import { Life } from './life.js';
import type { HarnessArguments, HarnessOptions } from './options.js';
import type { HarnessOutput } from './output.js';
import { Services, type HarnessServices } from './services.js';
import type { HarnessCommit, HarnessError, InputName, OutputName, StateOf, ValueOf } from './types.js';

const MOST_STEPS = 100_000;
const GRACE_MS = 20_000;

interface Parts {
  readonly bench: Bench;
  readonly clock: SettableClock;
  readonly index: number;
  readonly services: HarnessServices | undefined;
  readonly logger: Logger;
}

/**
 * Runs one replica of an operator by hand: feeds its inputs, lets it make steps, and shows what it sent and committed. It is
 * the runtime of production that runs; only its channels are in memory and its clock stands still until it is moved. Between
 * two calls of the harness the replica does nothing.
 *
 * What the operator reads and sends is frozen, so that one that changes it is found out.
 */
export class OperatorHarness<I extends Operator> {
  /** The clock of the replica: timestamps, ticks, commit interval, pauses and back-off. */
  readonly clock: SettableClock;
  /** Every error that the replica met, also those that a retry or a policy dealt with. */
  readonly errors: HarnessError[] = [];
  readonly #parts: Parts;
  #life: Life | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.clock = parts.clock;
  }

  /**
   * Starts a replica and holds it before its first step; `onInit` has run then. Close it at the end of the test.
   * @throws PlanError for wrong parameters or options, all at once; and whatever the start fails with
   */
  static async create<C extends OperatorClass>(type: C, ...[given]: HarnessArguments<C>): Promise<OperatorHarness<InstanceOf<C>>> {
    const all: HarnessOptions<InstanceOf<C>> & { readonly parameters?: unknown } = given ?? {};
    const { parameters = {}, replica = 0, partitions = {}, services, state, clock = new SettableClock(), logger = silentLogger, ...options } = all;
    const bench = await Bench.open(type, { parameters, partitions, options: options as AddOptions, replica, clock });
    const harness = new OperatorHarness<InstanceOf<C>>({ bench, clock, index: replica, services, logger });
    try {
      if (state !== undefined) await bench.seed(state);
      await harness.#begin();
    } catch (error) {
      await harness.close();
      throw error;
    }
    return harness;
  }

  /** Feeds an input port. */
  input<K extends InputName<I>>(port: K): HarnessInput<ValueOf<I[K]>> {
    return this.#port(this.#parts.bench.inputs, port, 'input');
  }

  /** What was sent to an output port. */
  output<K extends OutputName<I>>(port: K): HarnessOutput<ValueOf<I[K]>> {
    return this.#port(this.#parts.bench.outputs, port, 'output');
  }

  /** What an input port gave up; its `onError` must be `deadLetter`. */
  deadLetters(port: InputName<I>): HarnessOutput<DeadLetter> {
    return this.#port(this.#parts.bench.deadLetters, port, "input with onError: 'deadLetter'");
  }

  /** The instance that runs now: another one after {@link crash}, {@link restart} and a failed step that is tried again. */
  get operator(): I {
    return this.#life!.operator as I;
  }

  /** Every commit since the harness was made, the first one first. */
  get commits(): readonly HarnessCommit<I>[] {
    return [...this.#parts.bench.commits];
  }

  /** The committed state, with defaults where nothing was committed. */
  get state(): StateOf<I> {
    return this.#parts.bench.state as StateOf<I>;
  }

  /** The committed positions: next offset to read, by input port and partition. Empty before the first commit. */
  get positions(): { readonly [K in InputName<I>]?: Readonly<Record<number, number>> } {
    return structuredClone(this.#parts.bench.positions) as { readonly [K in InputName<I>]?: Readonly<Record<number, number>> };
  }

  /** Steps, commits and retries since the last start. */
  get counters(): ReplicaCounters {
    return this.#life!.replica.counters;
  }

  /** Records, and those skipped, dead-lettered or dropped, since the last start. */
  portCounters(port: InputName<I> | OutputName<I>): PortCounters | undefined {
    return this.#life!.replica.portCounters.get(port);
  }

  get stage(): Stage {
    return this.#life!.replica.stage;
  }

  /** How the replica ended; `undefined` while it runs. */
  get outcome(): ReplicaOutcome | undefined {
    return this.#life!.outcome;
  }

  /**
   * Makes the next step if there is work: one call of `onRunning`, one turn of all `for await` loops, or a tick that is due. It
   * is not committed, unless the commit interval has passed on the clock or the operator sent more than its channels hold.
   * @returns whether there was one
   * @throws what the step failed with, where its policy is to fail
   */
  step(): Promise<boolean> {
    return this.#do(async (life) => {
      await this.#let(life, 1, false);
      return life.driver.made > 0;
    });
  }

  /**
   * Lets the replica run until it has nothing to do but wait for records or the clock, or has ended. It commits as in
   * production: at the latest when there is nothing else to do.
   * @param options `steps`: more than so many mean that it does not come to rest. Default 100,000
   * @returns how many steps it made
   * @throws what it failed with; MillraceError `MILLRACE_TIMEOUT` after too many steps
   */
  run({ steps = MOST_STEPS }: { readonly steps?: number } = {}): Promise<number> {
    return this.#do((life) => this.#run(life, steps));
  }

  /** Lets it {@link run}, then moves the clock on by `ms`, with all that falls due on the way: ticks, pauses of sources, back-off. */
  advance(ms: number): Promise<void> {
    return this.#do(async (life) => {
      if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`a clock advances by a duration in ms, not by ${ms}`);
      await this.#run(life, MOST_STEPS);
      const target = this.clock.now() + ms;
      life.driver.let(MOST_STEPS, true);
      await this.#pass(life, target);
      life.driver.close();
      if (this.clock.now() < target) await this.clock.advance(target - this.clock.now());
    });
  }

  /** Has it make a tick, due or not, and nothing else. */
  tick(): Promise<void> {
    return this.#do((life) => this.#make(life, 'tick'));
  }

  /** Has it commit what was read, sent and kept since the last commit; nothing where it is at rest, since then it has. */
  commit(): Promise<void> {
    return this.#do(async (life) => {
      await this.#rest(life);
      if (life.driver.isHeld) await this.#make(life, 'commit');
    });
  }

  /**
   * Kills the replica where it stands, also in the middle of a step, and starts it anew from its last commit. No hook of the
   * killed instance is called, and nothing that it does afterwards has an effect; what it holds open outside stays open.
   */
  async crash(): Promise<void> {
    this.#life!.kill();
    await this.#do(() => this.#begin());
  }

  /** Starts the replica anew after it has ended: where it failed, was stopped or drained it goes on from its last commit. */
  restart(): Promise<void> {
    return this.#do(async (life) => {
      if (!life.isOver) throw new MillraceError('MILLRACE_OPTION_INVALID', `${this.#name} is still running; stop, drain or crash it`, { operator: this.#name });
      await this.#begin();
    });
  }

  /** Lets the replica process what it was fed, and ends it; after `grace` ms on the clock at once. The next start goes on. */
  drain({ grace = GRACE_MS }: { readonly grace?: number } = {}): Promise<ReplicaOutcome> {
    return this.#do(async (life) => {
      for (const input of this.#parts.bench.inputs.values()) input.close('drained');
      await this.#rest(life);
      await this.#interrupt(life, 'drain');
      await this.#pass(life, this.clock.now() + grace);
      return await this.#stop(life);
    });
  }

  /** Ends the replica after the step in hand. The next start goes on. */
  stop(): Promise<ReplicaOutcome> {
    return this.#do((life) => this.#stop(life));
  }

  /** Stops the replica if it runs, and drops all that there was. A hook that does not return is left behind. Repeated calls are quiet. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  get #name(): string {
    return this.#parts.bench.name;
  }

  async #begin(): Promise<void> {
    const { bench, clock, index, services, logger } = this.#parts;
    const life = new Life({ bench, index, clock, logger, services: await Services.load(services), onError: (error) => this.errors.push(error) });
    this.#life = life;
    await this.#rest(life);
  }

  /** Calls of the harness run one after the other, also where the test does not wait for them. */
  #do<T>(work: (life: Life) => Promise<T>): Promise<T> {
    const turn = this.#tail.then(() => work(this.#life!));
    this.#tail = turn.catch(() => undefined); // the next call runs whatever became of this one, which tells its own caller
    return turn;
  }

  /** Waits until the replica does nothing more by itself. @throws what it failed with */
  async #rest(life: Life): Promise<void> {
    await this.#parts.bench.settled();
    await life.driver.rest();
    if (life.outcome?.error !== undefined) throw life.outcome.error;
    if (life.isOver && life.outcome === undefined) throw new MillraceError('MILLRACE_STOPPED', `${this.#name} was killed`, { operator: this.#name });
  }

  async #let(life: Life, steps: number, isOpen: boolean): Promise<void> {
    await this.#rest(life);
    life.driver.let(steps, isOpen);
    await this.#rest(life);
    life.driver.close();
  }

  /** Moves the clock from timer to timer, and waits at each for what comes of it, until the replica has ended or the time is there. */
  async #pass(life: Life, target: number): Promise<void> {
    const { clock } = this;
    while (!life.isOver && (clock.now() < target || clock.nextAt <= target)) {
      await clock.advance(Math.min(Math.max(clock.nextAt, clock.now()), target) - clock.now());
      await this.#rest(life);
    }
  }

  async #run(life: Life, steps: number): Promise<number> {
    await this.#let(life, steps, true);
    if (life.driver.isHeld) throw new MillraceError('MILLRACE_TIMEOUT', `${this.#name} still had work after ${steps} steps; make single ones with step(), or allow more`, { operator: this.#name });
    return life.driver.made;
  }

  async #make(life: Life, move: 'tick' | 'commit'): Promise<void> {
    await this.#rest(life);
    if (life.isOver) throw new MillraceError('MILLRACE_STOPPED', `${this.#name} has ended; there is no ${move} any more`, { operator: this.#name });
    const { driver } = life;
    const wasHeld = driver.isHeld;
    driver.make(move);
    if (!wasHeld) life.wake();
    await this.#rest(life);
    if (driver.takeBack()) throw new MillraceError('MILLRACE_STOPPED', `${this.#name} waits before it tries again; advance the clock first`, { operator: this.#name });
  }

  async #interrupt(life: Life, kind: 'drain' | 'stop'): Promise<void> {
    if (life.isOver) return;
    life.replica.interrupt(kind, 'stop');
    life.driver.let(MOST_STEPS, true);
    await this.#rest(life);
  }

  async #stop(life: Life): Promise<ReplicaOutcome> {
    await this.#interrupt(life, 'stop');
    return life.outcome!;
  }

  async #close(): Promise<void> {
    const life = this.#life;
    try {
      if (life !== undefined && !life.isOver) {
        if (!life.driver.isHeld && life.driver.isBusy()) life.kill();
        else await this.stop();
      }
    } finally {
      await this.#parts.bench.close();
    }
  }

  #port<T>(ports: ReadonlyMap<string, unknown>, name: string, what: string): T {
    const port = ports.get(name);
    if (port === undefined) throw new MillraceError('MILLRACE_PORT_UNKNOWN', `${this.#name} has no ${what} named ${name}; there is ${[...ports.keys()].join(', ') || 'none'}`, { operator: this.#name, port: name });
    return port as T;
  }
}
