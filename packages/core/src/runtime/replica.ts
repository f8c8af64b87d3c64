import { MillraceError, toError } from '../error/index.js';
import { EXIT_CODE, nextStage, STAGES, type Stage, type StageResult } from '../lifecycle/index.js';
import type { EndReason, Operator } from '../operator/index.js';
import { replicaName } from '../plan/plan.js';
import type { Plugin } from '../plugin/index.js';
import type { ReplicaEnvironment } from './environment.js';
import { Execution } from './execution.js';
import { HookError } from './hook-error.js';
import { callHook, HookCalls } from './hooks.js';
import { replicaCounters, type PortCounters, type ReplicaCounters } from './metrics.js';
import { Recovery } from './recovery.js';
import { Replay } from './replay.js';
import { RunLoop } from './run-loop.js';
import { Signal, Wake } from './signal.js';
import type { StopRequest } from './stop.js';
import { waitForGroup, waitForWriters } from './waits.js';

type ActiveStage = Exclude<Stage, 'Closed' | 'Failed'>;

/** How a replica ended. */
export interface ReplicaOutcome {
  readonly name: string;
  readonly stage: 'Closed' | 'Failed';
  readonly reason: EndReason;
  /** As pypz has them: 0, 110 to 116 by stage, 129, 130. */
  readonly exitCode: number;
  readonly error: Error | undefined;
}

/** One replica of an operator, from Entry to Closed: its instance, plugins, ports and the hooks of each stage. */
export class Replica {
  readonly name: string;
  readonly counters: ReplicaCounters = replicaCounters();
  /** Counters by port, those of dead letters under `<port>.deadLetters`. */
  readonly portCounters = new Map<string, PortCounters>();
  readonly #env: ReplicaEnvironment;
  readonly #signal: Signal;
  readonly #replay = new Replay();
  readonly #recovery: Recovery;
  readonly #calls = new HookCalls();
  readonly #stop: StopRequest = { kind: 'none' };
  readonly #plugins = new Map<string, Plugin>();
  #stage: Stage = 'Entry';
  #operator: Operator | undefined;
  #execution: Execution | undefined;
  #loop: RunLoop | undefined;
  #reason: EndReason = 'stopped';
  #error: Error | undefined;
  #exitCode: number = EXIT_CODE.done;
  #entered = false;

  constructor(env: ReplicaEnvironment) {
    this.#env = env;
    this.name = replicaName(env.pipeline, env.operator.name, env.index);
    this.#signal = new Signal(env.clock, env.driver);
    this.#recovery = new Recovery(this.name, env.operator.inputs, this.#replay);
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** The hook that runs now and since when, on the clock's monotonic scale; `undefined` between hooks. */
  get busy(): { readonly hook: string; readonly since: number } | undefined {
    return this.#loop?.busy;
  }

  /** Records that wait for this replica, by input port; asks the backend. */
  async lag(): Promise<ReadonlyMap<string, number>> {
    const lags = new Map<string, number>();
    for (const [name, port] of this.#execution?.inputs ?? []) {
      let lag = 0;
      for (const records of (await port.reader.getConsumerLag()).values()) lag += records;
      lags.set(name, lag);
    }
    return lags;
  }

  /** Lives the whole life. Never rejects: what went wrong is in the outcome. */
  async run(): Promise<ReplicaOutcome> {
    if (this.#env.mode === 'Skip') this.#transition('Closed');
    while (this.#stage !== 'Closed' && this.#stage !== 'Failed') {
      const stage: ActiveStage = this.#stage;
      const result = await this.#perform(stage);
      let next = nextStage(stage, result, this.#env.mode);
      if (next === 'Closed' && this.#error !== undefined) next = 'Failed';
      if (next === 'Closed' || next === 'Failed') await this.#postExecution();
      this.#transition(next === 'Closed' && this.#error !== undefined ? 'Failed' : next);
    }
    this.#signal.dispose();
    if (this.#exitCode === EXIT_CODE.done && this.#stop.kind !== 'none' && this.#reason !== 'done') this.#exitCode = EXIT_CODE.interrupted;
    return { name: this.name, stage: this.#stage, reason: this.#error === undefined ? this.#reason : 'failed', exitCode: this.#exitCode, error: this.#error };
  }

  /**
   * Asks the replica to end: to drain what its sources sent until now, or to stop after the step in hand. Asking again for less
   * changes nothing.
   * @param signal for `onInterrupt`: `SIGTERM`, or `stop`
   */
  interrupt(kind: 'drain' | 'stop', signal: string): void {
    if (this.#stop.kind !== 'stop') this.#stop.kind = kind;
    // Whoever waits for room sent already: the batch was taken, only the pause is given up.
    if (this.#stop.kind === 'stop') this.#execution?.releaseWaits();
    for (const [name, member] of [...this.#plugins, ['', this.#operator] as const]) {
      callHook(member, 'onInterrupt', signal).catch((error: unknown) => this.#report(toError(error, `${this.name}.${name}.onInterrupt`), 'onInterrupt', false));
    }
    this.#signal.notify(Wake.Stop);
  }

  /** Gives up waiting for user code; the replica closes without a commit, and fails. */
  abandon(error: Error): void {
    this.#calls.abandon(error);
    this.#signal.notify(Wake.Stop);
  }

  #transition(to: Stage): void {
    const from = this.#stage;
    this.#stage = to;
    this.#env.logger.debug({ replica: this.name, from, to }, 'stage');
    this.#env.events.stage(this.name, to, from);
  }

  async #perform(stage: ActiveStage): Promise<StageResult> {
    try {
      return await this.#stages[stage]();
    } catch (thrown) {
      const source = thrown instanceof HookError ? thrown.hook : stage;
      const error = thrown instanceof HookError ? this.#recovery.describe(thrown) : toError(thrown, `${this.name} in ${stage}`);
      await this.#fail(error, source, STAGES[stage].exitCode);
      return 'failed';
    }
  }

  readonly #stages: Readonly<Record<ActiveStage, () => Promise<StageResult>>> = {
    Entry: async () => {
      for (const { name } of this.#env.operator.plugins) this.#plugins.set(name, await this.#env.createPlugin(name));
      this.#operator = await this.#create();
      this.#entered = true;
      for (const plugin of this.#plugins.values()) await this.#calls.guard(callHook(plugin, 'preExecution'));
      return this.#result();
    },
    ServiceStart: () => this.#pluginStage('ServiceStart'),
    ResourceCreation: () => this.#pluginStage('ResourceCreation'),
    OperationInit: () => this.#open(),
    OperationRunning: () => this.#run(),
    OperationShutdown: () => this.#shutdown(),
    ResourceDeletion: () => this.#pluginStage('ResourceDeletion'),
    ServiceShutdown: () => this.#pluginStage('ServiceShutdown'),
  };

  #result(): StageResult {
    return this.#stop.kind === 'none' ? 'done' : 'stopped';
  }

  async #pluginStage(stage: ActiveStage): Promise<StageResult> {
    const { hook, reversed } = STAGES[stage];
    const { levels } = this.#env.operator;
    await this.#calls.levels(this.#plugins, reversed ? [...levels].reverse() : levels, hook!, (plugin) => `${this.name}.${plugin}`);
    return this.#result();
  }

  async #create(): Promise<Operator> {
    try {
      return await this.#env.createOperator();
    } catch (error) {
      throw new HookError('constructor', toError(error, `the constructor of ${this.name}`));
    }
  }

  async #open(): Promise<StageResult> {
    await this.#begin(this.#operator!, true);
    const execution = this.#execution!;
    if (execution.wasDone) return this.#result();
    await this.#calls.guard(waitForWriters({ name: this.name, inputs: this.#env.operator.inputs, execution, signal: this.#signal, clock: this.#env.clock, stop: this.#stop }));
    if (this.#stop.kind !== 'none') return 'stopped';
    await this.#calls.guard(this.#loop!.hook('onInit', () => this.#operator!.onInit()));
    await execution.putStatus('Started');
    return this.#result();
  }

  /** Sessions, ports and state for an instance. */
  async #begin(operator: Operator, withPlugins: boolean): Promise<void> {
    const { operator: plan } = this.#env;
    const execution = new Execution({ env: this.#env, signal: this.#signal, replay: this.#replay, counters: this.counters, portCounters: this.portCounters });
    this.#execution = execution;
    await execution.connect();
    for (const level of plan.levels) {
      if (withPlugins) await this.#calls.levels(this.#plugins, [level], 'onPortOpen', (plugin) => `${this.name}.${plugin}`);
      for (const input of plan.inputs) if (level.includes(input.name)) await execution.openInput(input);
      for (const output of plan.outputs) if (level.includes(output.name)) await execution.openOutput(output);
    }
    execution.bind(operator, this.#plugins);
    this.#operator = operator;
    this.#loop = new RunLoop({ env: this.#env, execution, instance: operator, signal: this.#signal, replay: this.#replay, stop: this.#stop, counters: this.counters });
    for (const [port, positions] of execution.positions()) for (const [partition, position] of positions) this.#replay.reached(port, partition, position);
    await execution.putStatus('Opened');
  }

  async #run(): Promise<StageResult> {
    for (;;) {
      if (this.#execution!.wasDone) {
        this.#reason = 'done';
        return 'done';
      }
      try {
        this.#reason = await this.#calls.guard(this.#loop!.run());
        return this.#reason === 'stopped' ? 'stopped' : 'done';
      } catch (thrown) {
        if (!(thrown instanceof HookError) || !(await this.#recover(thrown))) throw thrown;
        if (this.#stop.kind === 'stop') {
          this.#reason = 'stopped';
          return 'stopped';
        }
      }
    }
  }

  /** Builds the replica anew after a failed step, if the policy of the port says so. */
  async #recover(failure: HookError): Promise<boolean> {
    const execution = this.#execution!;
    const pause = this.#recovery.decide(failure, execution);
    if (pause === undefined || this.#calls.isAbandoned) return false;
    this.counters.retries++;
    this.#report(this.#recovery.describe(failure), failure.hook, false);
    await this.#tell(failure.cause, failure.hook);
    await this.#leave();
    for (let until = this.#env.clock.now() + pause; pause > 0 && this.#env.clock.now() < until && this.#stop.kind !== 'stop'; ) await this.#signal.wait(until);
    await this.#begin(await this.#create(), false);
    await this.#calls.guard(this.#loop!.hook('onInit', () => this.#operator!.onInit()));
    await this.#execution!.putStatus('Started');
    return true;
  }

  async #shutdown(): Promise<StageResult> {
    const execution = this.#execution!;
    if (this.#error !== undefined || this.#loop === undefined) return await this.#shutdownFailed();
    try {
      if (!execution.wasDone) await this.#finish(execution);
    } catch (error) {
      await this.#shutdownFailed();
      throw error;
    }
    const closed = this.#reason === 'done' || this.#reason === 'drained' ? this.#reason : undefined;
    await execution.putStatus('Stopped');
    if (closed !== undefined) await this.#calls.guard(waitForGroup({ env: this.#env, name: this.name, signal: this.#signal, stop: this.#stop }));
    if (closed !== undefined) await execution.putStatus('Closed', closed);
    await this.#closePorts();
    return this.#reason === 'done' ? 'done' : 'stopped';
  }

  /** The operator's last word, and the last commit. */
  async #finish(execution: Execution): Promise<void> {
    await this.#calls.guard(this.#loop!.hook('onShutdown', () => this.#operator!.onShutdown(this.#reason)));
    const isDone = this.#reason === 'done';
    if (isDone) for (const port of execution.inputs.values()) if (!port.ended) await port.discardRest();
    await this.#loop!.commit(isDone);
  }

  async #shutdownFailed(): Promise<StageResult> {
    await this.#leave();
    await this.#execution?.putStatus('Error').catch((error: unknown) => this.#report(toError(error), 'status', false));
    await this.#closePorts();
    return 'stopped';
  }

  async #closePorts(): Promise<void> {
    const { levels } = this.#env.operator;
    await this.#calls.levels(this.#plugins, [...levels].reverse(), 'onPortClose', (plugin) => `${this.name}.${plugin}`);
    await this.#execution!.close();
  }

  /** Ends an instance whose step failed: it may clean up, but what it sends goes nowhere. */
  async #leave(): Promise<void> {
    const execution = this.#execution!;
    execution.closePorts();
    try {
      await this.#calls.guard(callHook(this.#operator, 'onShutdown', 'failed' satisfies EndReason));
    } catch (error) {
      if (!this.#calls.isAbandoned) this.#report(toError(error, `${this.name}.onShutdown`), 'onShutdown', false);
    }
    await execution.close();
  }

  async #postExecution(): Promise<void> {
    if (!this.#entered) return;
    try {
      for (const plugin of this.#plugins.values()) await this.#calls.guard(callHook(plugin, 'postExecution'));
    } catch (error) {
      await this.#fail(toError(error, `${this.name}.postExecution`), 'postExecution', EXIT_CODE.fatal);
    }
  }

  /** The first error is the one that counts; later ones are reported. */
  async #fail(error: Error, source: string, exitCode: number): Promise<void> {
    const isFirst = this.#error === undefined;
    if (isFirst) {
      this.#error = error;
      this.#exitCode = exitCode;
      this.#reason = 'failed';
    }
    this.#report(error, source, isFirst);
    await this.#tell(MillraceError.is(error) && error.cause instanceof Error ? error.cause : error, source);
  }

  /** `onError` of the operator and of all plugins; what they throw is reported and changes nothing. */
  async #tell(error: Error, source: string): Promise<void> {
    for (const [name, member] of [['', this.#operator] as const, ...this.#plugins]) {
      try {
        await this.#calls.guard(callHook(member, 'onError', error, source));
      } catch (thrown) {
        if (!this.#calls.isAbandoned) this.#report(toError(thrown, `${this.name}.${name}.onError`), 'onError', false);
      }
    }
  }

  #report(error: Error, source: string, fatal: boolean): void {
    this.#env.events.error(this.name, error, source, fatal);
  }
}
