import { EXIT_CODE, MillraceError, STAGES, toError, type BusyHook, type CrashPoison, type HandedRecord, type PortCounters, type ReplicaCounters, type ReplicaEvents, type ReplicaOutcome, type Stage } from '@millrace/core';
import type { LiveReplica } from '../live-replica.js';
import type { Child, ReplicaMessage } from './child.js';
import type { WireCounters } from './protocol.js';
import { fromWire, toWire } from './wire-error.js';

export interface RemoteReplicaOptions {
  readonly name: string;
  readonly operator: string;
  readonly index: number;
  /** How many there are of its operator. */
  readonly replicas: number;
  /** The child that it is to run in, once that is ready. */
  readonly child: () => Promise<Child>;
  readonly events: ReplicaEvents;
  /** Set where it comes back after a crash and records may be at fault. */
  readonly poisons: readonly CrashPoison[] | undefined;
}

/** One life of a replica in a thread or process: what its child says of it, as if it were here. */
export class RemoteReplica implements LiveReplica {
  readonly name: string;
  /** The record that it was given last, where it came back after a crash. */
  inHand: HandedRecord | undefined;
  readonly #o: RemoteReplicaOptions;
  readonly #looks = new Map<number, (lags: ReadonlyMap<string, number>) => void>();
  #stage: Stage = 'Entry';
  #counters: ReplicaCounters = { steps: 0, stepMs: 0, commits: 0, retries: 0 };
  #portCounters: ReadonlyMap<string, PortCounters> = new Map();
  #child: Child | undefined;
  #busy: BusyHook | undefined;
  #stop: 'none' | 'drain' | 'stop' = 'none';
  #endEarly: () => void = () => {};
  #abandoned: Error | undefined;
  #nextLook = 0;

  constructor(options: RemoteReplicaOptions) {
    this.#o = options;
    this.name = options.name;
  }

  get stage(): Stage {
    return this.#stage;
  }

  get counters(): ReplicaCounters {
    return this.#counters;
  }

  get portCounters(): Map<string, PortCounters> {
    return this.#portCounters as Map<string, PortCounters>;
  }

  /** A child that says nothing is in something that does not return. */
  get busy(): BusyHook | undefined {
    const since = this.#child?.silentSince;
    return since === undefined ? this.#busy : { hook: this.#busy?.hook ?? 'onRunning', since: this.#busy?.since ?? since, waitsForRoom: false };
  }

  /** Also brings the counters up to date. Empty where the child has no answer. */
  lag(): Promise<ReadonlyMap<string, number>> {
    const child = this.#child;
    if (child === undefined || child.silentSince !== undefined) return Promise.resolve(new Map());
    const id = this.#nextLook++;
    return new Promise((resolve) => {
      this.#looks.set(id, resolve);
      child.post({ type: 'look', replica: this.name, id });
    });
  }

  /** Never rejects. Where the child is lost, the outcome has the error that says so. */
  async run(): Promise<ReplicaOutcome> {
    const { name, operator, index, replicas, poisons, child: childOf } = this.#o;
    const stopped = new Promise<'stopped'>((resolve) => (this.#endEarly = () => resolve('stopped')));
    let child: Child | 'stopped';
    try {
      child = await Promise.race([childOf(), stopped]);
    } catch (error) {
      return this.#failed(toError(error));
    }
    if (child === 'stopped' || this.#isStopping) return this.#notBegun();
    const its = child;
    const outcome = await new Promise<ReplicaOutcome>((resolve) => {
      this.#child = its;
      its.attach(name, {
        message: (message) => {
          const ended = this.#receive(message);
          if (ended !== undefined) resolve(ended);
        },
        busy: (hook) => (this.#busy = hook),
        lost: (error) => resolve(this.#failed(this.#abandoned ?? new MillraceError(error.code, `${name} is lost: ${error.message.slice(error.code.length + 2)}`, { operator: name, cause: error.cause }))),
      });
      its.post({ type: 'run', replica: name, operator, index, replicas, poisons });
      if (this.#stop === 'drain') its.post({ type: 'interrupt', replica: name, kind: 'drain', signal: undefined });
    });
    its.detach(name);
    this.#child = undefined;
    this.#busy = undefined;
    for (const resolve of this.#looks.values()) resolve(new Map());
    this.#looks.clear();
    return outcome;
  }

  interrupt(kind: 'drain' | 'stop', signal: string | undefined): void {
    if (this.#stop !== 'stop') this.#stop = kind;
    if (this.#child !== undefined) this.#child.post({ type: 'interrupt', replica: this.name, kind, signal });
    else if (kind === 'stop') this.#endEarly();
  }

  /** A second time, or where the child does not even hear it: the child goes, with whatever else runs there. */
  abandon(error: Error): void {
    const isSecond = this.#abandoned !== undefined;
    this.#abandoned ??= error;
    if (this.#child === undefined) return this.#endEarly();
    if (isSecond || this.#child.silentSince !== undefined) this.#child.kill(MillraceError.is(this.#abandoned) ? this.#abandoned : new MillraceError('MILLRACE_TIMEOUT', error.message));
    else this.#child.post({ type: 'abandon', replica: this.name, error: toWire(error) });
  }

  get #isStopping(): boolean {
    return this.#stop === 'stop' || this.#abandoned !== undefined;
  }

  #receive(message: ReplicaMessage): ReplicaOutcome | undefined {
    const { events } = this.#o;
    switch (message.type) {
      case 'stage':
        this.#stage = message.stage;
        events.stage(this.name, message.stage, message.from);
        return undefined;
      case 'error':
        events.error(this.name, fromWire(message.error), message.source, message.fatal);
        return undefined;
      case 'degraded':
        events.degraded(this.name, message.port, message.writers);
        return undefined;
      case 'hand':
        this.inHand = message.record;
        return undefined;
      case 'looked':
        this.#take(message.counters);
        this.#looks.get(message.id)?.(new Map(message.lags));
        this.#looks.delete(message.id);
        return undefined;
      case 'ended':
        this.#take(message.counters);
        return { ...message.outcome, error: message.outcome.error && fromWire(message.outcome.error) };
    }
  }

  #take({ counters, ports }: WireCounters): void {
    this.#counters = counters;
    this.#portCounters = new Map(ports);
  }

  #failed(error: Error): ReplicaOutcome {
    const from = this.#stage;
    const exitCode = from === 'Closed' || from === 'Failed' ? EXIT_CODE.fatal : STAGES[from].exitCode;
    this.#stage = 'Failed';
    this.#o.events.error(this.name, error, 'crash', true);
    this.#o.events.stage(this.name, 'Failed', from);
    return { name: this.name, stage: 'Failed', reason: 'failed', exitCode, error };
  }

  /** Asked to stop before its child was there. */
  #notBegun(): ReplicaOutcome {
    this.#stage = 'Closed';
    this.#o.events.stage(this.name, 'Closed', 'Entry');
    return { name: this.name, stage: 'Closed', reason: 'stopped', exitCode: EXIT_CODE.interrupted, error: undefined };
  }
}
