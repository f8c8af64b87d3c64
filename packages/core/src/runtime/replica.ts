import { toError } from '../error/index.js';
import { EXIT_CODE, nextStage, STAGES, type Stage, type StageResult } from '../lifecycle/index.js';
import type { EndReason, Operator } from '../operator/index.js';
import { replicaName } from '../plan/plan.js';
import { replayAfterCrash } from './after-crash.js';
import { bindOperator } from './bind.js';
import type { ReplicaEnvironment } from './environment.js';
import { Execution } from './execution.js';
import { HookError } from './hook-error.js';
import { callHook, HookCalls } from './hooks.js';
import { replicaCounters, type PortCounters, type ReplicaCounters } from './metrics.js';
import { PluginsError, ReplicaPlugins } from './plugins.js';
import { Recovery } from './recovery.js';
import { Replay } from './replay.js';
import { RunLoop } from './run-loop.js';
import { Signal, Wake } from './signal.js';
import type { StopRequest } from './stop.js';
import { openWithin, waitForGroup, waitForWriters } from './waits.js';

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

/** A hook that has not returned yet. @internal */
export interface BusyHook {
  /** `onRunning`, or with the plugin before it: `health.onServiceStart`. */
  readonly hook: string;
  /** When it began, on the clock's monotonic scale. */
  readonly since: number;
  /** It sent more than there is room for: whoever is stuck, it is not this hook. */
  readonly waitsForRoom: boolean;
}

/** One replica of an operator, from Entry to Closed: its instance, plugins, ports and the hooks of each stage. @internal */
export class Replica {
  readonly name: string;
  readonly counters: ReplicaCounters = replicaCounters();
  /** Counters by port, those of dead letters under `<port>.deadLetters`. */
  readonly portCounters = new Map<string, PortCounters>();
  readonly #env: ReplicaEnvironment;
  readonly #signal: Signal;
  readonly #replay: Replay;
  readonly #recovery: Recovery;
  readonly #calls: HookCalls;
  readonly #plugins: ReplicaPlugins;
  readonly #stop: StopRequest = { kind: 'none' };
  #stage: Stage = 'Entry';
  #operator: Operator | undefined;
  #execution: Execution | undefined;
  #loop: RunLoop | undefined;
  /** The instance's `onInit` was called and its `onShutdown` was not. */
  #isOpen = false;
  /** The instance hangs in a hook that was given up: no other one may run beside it. */
  #isLost = false;
  #reason: EndReason = 'stopped';
  #error: Error | undefined;
  #exitCode: number = EXIT_CODE.done;

  constructor(env: ReplicaEnvironment) {
    this.#env = env;
    this.name = replicaName(env.pipeline, env.operator.name, env.index);
    this.#signal = new Signal(env.clock, env.driver);
    this.#replay = new Replay(env.after?.hand);
    this.#recovery = new Recovery(this.name, env.operator.inputs, this.#replay);
    this.#calls = new HookCalls(env.clock);
    this.#plugins = new ReplicaPlugins(env, this.name, this.#calls);
  }

  get stage(): Stage {
    return this.#stage;
  }

  /** The hook that runs now; `undefined` between hooks. */
  get busy(): BusyHook | undefined {
    const waitsForRoom = this.#execution?.step.waitsForRoom ?? false;
    if (this.#loop?.busy !== undefined) return { ...this.#loop.busy, waitsForRoom };
    const running = this.#calls.running;
    return running && { hook: running.member === '' ? running.hook : `${running.member}.${running.hook}`, since: running.since, waitsForRoom };
  }

  /**
   * Records that this replica has not been given yet, by input port; asks the backend. Ports that are closed, or whose backend has
   * no answer, are left out.
   */
  async lag(): Promise<ReadonlyMap<string, number>> {
    const lags = new Map<string, number>();
    await Promise.allSettled([...(this.#execution?.inputs ?? [])].map(async ([name, port]) => {
      let lag = 0;
      for (const [partition, end] of await port.reader.endOffsets()) lag += Math.max(0, end - (port.positions.get(partition) ?? 0));
      lags.set(name, lag);
    }));
    return lags;
  }

  /** Lives the whole life. Never rejects: what went wrong is in the outcome. */
  async run(): Promise<ReplicaOutcome> {
    const { mode } = this.#env;
    while (this.#stage !== 'Closed' && this.#stage !== 'Failed') {
      const stage: ActiveStage = this.#stage;
      const next = nextStage(stage, mode === 'Skip' ? 'done' : await this.#perform(stage, this.#stages[stage]), mode);
      const isEnd = next === 'Closed' || next === 'Failed';
      if (isEnd) await this.#perform(stage, () => this.#leave('postExecution'), EXIT_CODE.fatal);
      this.#transition(isEnd ? (this.#error === undefined ? 'Closed' : 'Failed') : next);
    }
    this.#signal.dispose();
    if (mode !== 'Standard' && mode !== 'WithoutResourceDeletion' && this.#reason === 'stopped' && this.#stop.kind !== 'stop') this.#reason = 'done';
    if (this.#exitCode === EXIT_CODE.done && this.#stop.kind !== 'none' && this.#reason !== 'done') this.#exitCode = EXIT_CODE.interrupted;
    return { name: this.name, stage: this.#stage, reason: this.#reason, exitCode: this.#exitCode, error: this.#error };
  }

  /**
   * Asks the replica to end: to drain, which lets it start and process what its sources sent until now, or to stop after the step
   * in hand. Asking again for less changes nothing.
   * @param signal for `onInterrupt`: `SIGTERM`, or `stop`; `undefined` where it was told already
   */
  interrupt(kind: 'drain' | 'stop', signal: string | undefined): void {
    if (this.#stage === 'Closed' || this.#stage === 'Failed') return;
    if (this.#stop.kind !== 'stop') this.#stop.kind = kind;
    // Whoever waits for room sent already: the batch was taken, only the pause is given up.
    if (this.#stop.kind === 'stop') this.#execution?.releaseWaits();
    if (signal !== undefined) for (const [member, target] of this.#members()) this.#calls.guard(callHook(target, 'onInterrupt', signal)).catch((thrown: unknown) => this.#report(toError(thrown, `${this.name}${member && `.${member}`}.onInterrupt`), 'onInterrupt', false));
    this.#signal.notify(Wake.Stop);
  }

  /** Gives up waiting for the user code that runs now; the replica closes without a commit, and fails with this error. */
  abandon(error: Error): void {
    if ((this.#calls.running?.member ?? '') === '') this.#isLost = true;
    this.#calls.abandon(error);
    this.#signal.notify(Wake.Stop);
  }

  #transition(to: Stage): void {
    const from = this.#stage;
    this.#stage = to;
    this.#env.logger.debug({ replica: this.name, from, to }, 'stage');
    this.#env.events.stage(this.name, to, from);
  }

  async #perform(stage: ActiveStage, work: () => Promise<StageResult>, exitCode: number = STAGES[stage].exitCode): Promise<StageResult> {
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof PluginsError) for (const failure of thrown.failures) await this.#fail(failure.error, failure.thrown, thrown.hook, exitCode);
      else if (thrown instanceof HookError) await this.#fail(this.#recovery.describe(thrown), thrown.cause, thrown.hook, exitCode);
      else await this.#fail(toError(thrown, `${this.name} in ${stage}`), thrown, stage, exitCode);
      return 'failed';
    }
  }

  readonly #stages: Readonly<Record<ActiveStage, () => Promise<StageResult>>> = {
    Entry: async () => {
      if (this.#stop.kind === 'stop') return 'stopped';
      await this.#plugins.create();
      this.#operator = await this.#create();
      return await this.#enter('preExecution');
    },
    ServiceStart: () => this.#enter('onServiceStart'),
    ResourceCreation: () => this.#enter('onResourceCreation'),
    OperationInit: () => this.#init(),
    OperationRunning: () => this.#run(),
    OperationShutdown: () => this.#shutdown(),
    ResourceDeletion: () => this.#leave('onResourceDeletion'),
    ServiceShutdown: () => this.#leave('onServiceShutdown'),
  };

  #result(): StageResult {
    return this.#stop.kind === 'stop' ? 'stopped' : 'done';
  }

  async #enter(hook: string): Promise<StageResult> {
    await this.#plugins.enter(hook);
    return this.#result();
  }

  async #leave(hook: string): Promise<StageResult> {
    await this.#plugins.leave(hook);
    return this.#result();
  }

  async #create(): Promise<Operator> {
    try {
      const operator = await this.#calls.watch('', 'constructor', () => this.#env.createOperator());
      bindOperator(operator, this.name, this.#env, this.#plugins.members, () => this.#signal.notify(Wake.Asked));
      return operator;
    } catch (error) {
      throw new HookError('constructor', toError(error, `the constructor of ${this.name}`));
    }
  }

  async #init(): Promise<StageResult> {
    const execution = await this.#open(true);
    if (execution.wasDone) return this.#result();
    await this.#calls.guard(waitForWriters({ name: this.name, execution, signal: this.#signal, stop: this.#stop }, this.#env.operator.inputs, this.#env.clock));
    if (this.#stop.kind === 'stop') return 'stopped';
    await this.#begin(execution);
    return this.#result();
  }

  /** Sessions, ports and state for the instance. */
  async #open(isFirst: boolean): Promise<Execution> {
    const { operator: plan, clock } = this.#env;
    const execution = new Execution({ env: this.#env, signal: this.#signal, replay: this.#replay, counters: this.counters, portCounters: this.portCounters });
    this.#execution = execution;
    await this.#calls.guard(execution.connect());
    for (const level of plan.levels) {
      if (isFirst) await this.#plugins.enter('onPortOpen', [level]);
      for (const input of plan.inputs) if (level.includes(input.name)) await this.#calls.guard(openWithin(this.name, input, clock, execution.openInput(input)));
      for (const output of plan.outputs) if (level.includes(output.name)) await this.#calls.guard(openWithin(this.name, output, clock, execution.openOutput(output)));
    }
    execution.bind(this.#operator!);
    // Where an input begins may be known by this life alone: the next one, after a step that failed, would begin elsewhere.
    if (execution.inputs.haveMoved) await this.#calls.guard(Promise.resolve(execution.commit()));
    this.#loop = new RunLoop({ env: this.#env, execution, instance: this.#operator!, signal: this.#signal, replay: this.#replay, stop: this.#stop, counters: this.counters });
    if (isFirst && this.#env.after !== undefined) await this.#calls.guard(replayAfterCrash(this.#env.after, execution, this.#replay));
    for (const [port, positions] of execution.positions()) for (const [partition, position] of positions) this.#replay.reached(port, partition, position);
    await this.#calls.guard(execution.putStatus('Opened'));
    return execution;
  }

  async #begin(execution: Execution): Promise<void> {
    this.#isOpen = true;
    await this.#calls.guard(this.#loop!.hook('onInit', () => this.#operator!.onInit()));
    await this.#calls.guard(execution.putStatus('Started'));
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
      }
    }
  }

  /** Builds the replica anew after a failed step, if the policy of the port says so and no stop comes in between. */
  async #recover(failure: HookError): Promise<boolean> {
    const { clock } = this.#env;
    const pause = this.#isLost ? undefined : this.#recovery.decide(failure, this.#execution!);
    if (pause === undefined) return false;
    this.counters.retries++;
    this.#report(this.#recovery.describe(failure), failure.hook, false);
    await this.#tell(failure.cause, failure.hook);
    await this.#dismiss();
    for (let until = clock.now() + pause; pause > 0 && clock.now() < until && this.#stop.kind !== 'stop'; ) await this.#signal.wait(until);
    // The loop that is left comes to its end at once then.
    if (this.#stop.kind === 'stop') return true;
    this.#operator = await this.#create();
    await this.#begin(await this.#open(false));
    return true;
  }

  async #shutdown(): Promise<StageResult> {
    if (this.#error === undefined && (await this.#perform('OperationShutdown', () => this.#finish())) !== 'failed') {
      return await this.#closePorts();
    }
    await this.#dismiss();
    await this.#perform('OperationShutdown', () => this.#putStatus('Error'));
    await this.#perform('OperationShutdown', () => this.#closePorts());
    return 'failed';
  }

  /** The operator's last word, the last commit, and word to the other ends. */
  async #finish(): Promise<StageResult> {
    const execution = this.#execution!;
    const reason = this.#reason;
    if (this.#isOpen) {
      this.#isOpen = false;
      await this.#calls.guard(this.#loop!.hook('onShutdown', () => this.#operator!.onShutdown(reason)));
      if (reason === 'done') for (const port of execution.inputs.values()) if (!port.ended) await this.#calls.guard(port.discardRest());
      await this.#calls.guard(Promise.resolve(this.#loop!.commit(reason === 'done')));
    }
    if (reason !== 'done' && reason !== 'drained') return await this.#putStatus('Stopped');
    await this.#putStatus('Closed', reason);
    await this.#calls.guard(waitForGroup({ name: this.name, execution, signal: this.#signal, stop: this.#stop }, this.#env));
    return 'done';
  }

  async #putStatus(...status: Parameters<Execution['putStatus']>): Promise<StageResult> {
    await this.#calls.guard(this.#execution!.putStatus(...status));
    return 'done';
  }

  /** Closes what is open, also where a plugin cannot. */
  async #closePorts(): Promise<StageResult> {
    const closed = await this.#perform('OperationShutdown', () => this.#leave('onPortClose'));
    await this.#calls.guard(this.#execution!.close());
    return closed === 'failed' ? 'failed' : this.#reason === 'done' ? 'done' : 'stopped';
  }

  /** Ends an instance that failed: it may clean up, but what it sends goes nowhere. */
  async #dismiss(): Promise<void> {
    const execution = this.#execution!;
    execution.closePorts();
    if (this.#isOpen && !this.#isLost) {
      this.#isOpen = false;
      await this.#survive('', 'onShutdown', () => this.#calls.watch('', 'onShutdown', () => callHook(this.#operator, 'onShutdown', 'failed' satisfies EndReason)));
    }
    await this.#survive('', 'closing', () => this.#calls.guard(execution.close()));
  }

  /** The first error is the one that counts; later ones are reported. */
  async #fail(error: Error, thrown: unknown, source: string, exitCode: number): Promise<void> {
    const isFirst = this.#error === undefined;
    if (isFirst) {
      this.#error = error;
      this.#exitCode = exitCode;
      this.#reason = 'failed';
    }
    this.#report(error, source, isFirst);
    await this.#tell(toError(thrown), source);
  }

  /** `onError` of the operator and of all plugins. */
  async #tell(error: Error, source: string): Promise<void> {
    for (const [member, target] of this.#members()) {
      if (member !== '' || !this.#isLost) await this.#survive(member, 'onError', () => this.#calls.watch(member, 'onError', () => callHook(target, 'onError', error, source)));
    }
  }

  /** What goes wrong after an error is reported, and changes nothing. */
  async #survive(member: string, hook: string, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (thrown) {
      this.#report(toError(thrown, `${this.name}${member && `.${member}`}.${hook}`), hook, false);
    }
  }

  #members(): readonly (readonly [string, object | undefined])[] {
    return [['', this.#operator], ...this.#plugins.members];
  }

  #report(error: Error, source: string, fatal: boolean): void {
    this.#env.events.error(this.name, error, source, fatal);
  }
}
