import { MillraceError, type Clock, type Logger, type Timer } from '@millrace/core';
import { Lines } from './lines.js';
import { unwrap, type Assignment, type FromChild, type ToChild } from './protocol.js';
import { spawnProcess, spawnThread, type ChildLink, type ChildListener, type SpawnOptions } from './spawn.js';
import { fromWire } from './wire-error.js';
import { writeLogged } from './wire-logger.js';

/** Of a replica: what its child says of it. */
export type ReplicaMessage = Extract<FromChild, { readonly replica: string }>;
export type BusyMessage = Extract<FromChild, { readonly type: 'beat' }>['busy'][number];

/** Who hears of a replica in a child. */
export interface ReplicaListener {
  message(message: ReplicaMessage): void;
  /** The hook that it is in, on this process's clock; `undefined` between hooks. */
  busy(hook: (Omit<BusyMessage, 'replica'>) | undefined): void;
  /** The child is gone. */
  lost(error: MillraceError): void;
}

export interface ChildOptions extends SpawnOptions {
  readonly kind: 'thread' | 'process';
  /** For labels and messages. */
  readonly name: string;
  readonly assignment: Assignment;
  /** ms of silence after which it is killed; 0 = never. */
  readonly killAfter: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly output: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** How long a child may take to load and to connect. */
const START_MS = 120_000;
/** How long it may take to close what it has open. */
const END_MS = 10_000;
/** Signs of life that may be missed before it counts as silent. */
const MISSED = 3;
/** Last lines of stderr that a crash is told with. */
const LAST_LINES = 12;

/** A thread or process that runs replicas, from its start to its end; after that there is another one. */
export class Child {
  /** Resolves when it can run replicas; rejects where it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  readonly #o: ChildOptions;
  readonly #link: ChildLink;
  readonly #listeners = new Map<string, ReplicaListener>();
  readonly #lastErrors: string[] = [];
  /** V8 said so before its stack traces, which may push the line out of the last ones. */
  #ranOutOfMemory = false;
  readonly #busySince = new Map<string, { readonly hook: string; readonly theirs: number; readonly ours: number }>();
  #settleReady!: (error: Error | undefined) => void;
  #settleGone!: () => void;
  #isReady = false;
  #isGone = false;
  /** Why it was killed, or what it said last. */
  #reason: MillraceError | undefined;
  #fatal: Error | undefined;
  #heardAt: number;
  #lookedAt: number;
  #timer: Timer | undefined;

  constructor(options: ChildOptions) {
    this.#o = options;
    this.#heardAt = this.#lookedAt = options.clock.now();
    this.ready = new Promise((resolve, reject) => (this.#settleReady = (error) => (error === undefined ? resolve() : reject(error))));
    this.ready.catch(() => {});
    this.gone = new Promise((resolve) => (this.#settleGone = resolve));
    const lines = { stdout: new Lines((line) => options.output('stdout', line)), stderr: new Lines((line) => this.#wrote(line)) };
    const listener: ChildListener = {
      message: (given) => this.#receive(given),
      output: (stream, text) => lines[stream].add(text),
      exit: (how, error) => {
        lines.stdout.end();
        lines.stderr.end();
        this.#exited(how, error);
      },
    };
    this.#link = options.kind === 'process' ? spawnProcess(options, listener) : spawnThread(options, listener);
    this.#link.post({ type: 'start', assignment: options.assignment });
    this.#watch();
  }

  get name(): string {
    return this.#o.name;
  }

  get pid(): number {
    return this.#link.pid;
  }

  get threadId(): number | undefined {
    return this.#link.threadId;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Since when it has given no sign of life, where that is longer than usual. */
  get silentSince(): number | undefined {
    return this.#isReady && this.#o.clock.now() - this.#heardAt > MISSED * this.#o.assignment.beat ? this.#heardAt : undefined;
  }

  /** Names of the replicas that run here. */
  get replicas(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  attach(replica: string, listener: ReplicaListener): void {
    this.#listeners.set(replica, listener);
  }

  detach(replica: string): void {
    this.#listeners.delete(replica);
    this.#busySince.delete(replica);
  }

  post(message: ToChild): void {
    if (!this.#isGone) this.#link.post(message);
  }

  /** @param reason what its replicas fail with */
  kill(reason: MillraceError): void {
    this.#reason ??= reason;
    this.#link.kill();
  }

  /** Lets it close what it has open, or kills it where that takes too long. Resolves when it is gone. */
  async end(): Promise<void> {
    if (this.#isGone) return;
    this.post({ type: 'end' });
    const timer = this.#o.clock.after(END_MS, () => this.kill(new MillraceError('MILLRACE_TIMEOUT', `${this.#what} did not close within ${END_MS} ms`)));
    await this.gone;
    timer.cancel();
  }

  get #what(): string {
    const { kind, name } = this.#o;
    return kind === 'process' ? `process ${this.#link.pid} of ${name}` : `the thread of ${name}`;
  }

  #receive(given: unknown): void {
    let message: FromChild | undefined;
    try {
      message = unwrap<FromChild>(given);
    } catch (error) {
      return this.kill(new MillraceError('MILLRACE_CHILD_CRASHED', `${this.#what} was ended: ${(error as Error).message}`));
    }
    if (message === undefined) return;
    this.#heardAt = this.#o.clock.now();
    switch (message.type) {
      case 'ready':
        this.#isReady = true;
        return this.#settleReady(undefined);
      case 'fatal':
        this.#fatal ??= fromWire(message.error);
        return;
      case 'log':
        return writeLogged(this.#o.logger, message);
      case 'beat': {
        const busy = new Map(message.busy.map((each) => [each.replica, each]));
        for (const [replica, listener] of this.#listeners) listener.busy(this.#onOwnClock(replica, busy.get(replica), message.now));
        return;
      }
      default:
        this.#listeners.get(message.replica)?.message(message);
    }
  }

  /** The same call of a hook keeps its moment, so that it is told of once. */
  #onOwnClock(replica: string, busy: BusyMessage | undefined, theirNow: number): Omit<BusyMessage, 'replica'> | undefined {
    if (busy === undefined) {
      this.#busySince.delete(replica);
      return undefined;
    }
    const { hook, since, waitsForRoom } = busy;
    let known = this.#busySince.get(replica);
    if (known?.hook !== hook || known.theirs !== since) this.#busySince.set(replica, (known = { hook, theirs: since, ours: this.#o.clock.now() - (theirNow - since) }));
    return { hook, since: known.ours, waitsForRoom };
  }

  #wrote(line: string): void {
    this.#lastErrors.push(line);
    this.#ranOutOfMemory ||= line.includes('heap out of memory');
    if (this.#lastErrors.length > LAST_LINES) this.#lastErrors.shift();
    this.#o.output('stderr', line);
  }

  #exited(how: string, error: Error | undefined): void {
    this.#isGone = true;
    this.#timer?.cancel();
    const lost = this.#reason ?? this.#crash(how, this.#fatal ?? error);
    this.#settleReady(lost);
    this.#settleGone();
    for (const listener of [...this.#listeners.values()]) listener.lost(lost);
  }

  #crash(how: string, cause: Error | undefined): MillraceError {
    const { memory } = this.#o;
    // What a child cannot start for has its own code, and the same will happen the next time.
    if (!this.#isReady && MillraceError.is(cause)) return cause;
    const isOutOfMemory = (cause as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY' || this.#ranOutOfMemory;
    const tail = this.#lastErrors.length === 0 ? '' : `\n${this.#lastErrors.map((line) => `  | ${line}`).join('\n')}`;
    return new MillraceError('MILLRACE_CHILD_CRASHED', `${this.#what} ${how}${isOutOfMemory ? `, since it needed more heap than ${memory === undefined ? 'Node.js gives' : `the ${memory} MiB that placement.memory gives`}` : ''}${cause === undefined ? '' : `: ${cause.message}`}${tail}`, { cause });
  }

  /** Looks for silence, and for a start that takes too long. */
  #watch(): void {
    const { clock, assignment: { beat }, killAfter } = this.#o;
    const began = clock.now();
    const look = (): void => {
      const now = clock.now();
      // Time in which this process itself stood still says nothing of the child: what it said waits to be heard.
      this.#heardAt += Math.max(0, now - this.#lookedAt - 2 * beat);
      this.#lookedAt = now;
      if (!this.#isReady && now - began > START_MS) return this.kill(new MillraceError('MILLRACE_TIMEOUT', `${this.#what} was not ready within ${START_MS} ms`));
      if (this.#isReady && killAfter > 0 && now - this.#heardAt > killAfter) {
        return this.kill(new MillraceError('MILLRACE_CHILD_HUNG', `${this.#what} gave no sign of life for ${Math.round(now - this.#heardAt)} ms, and was killed: its event loop is blocked`));
      }
      this.#timer = clock.after(beat, look);
    };
    this.#timer = clock.after(beat, look);
  }
}
