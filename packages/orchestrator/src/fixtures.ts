/** What the tests of this package run: operators that do what a test tells them, and a look at what a run leaves behind. */
import { randomUUID } from 'node:crypto';
import {
  avro, dropMemorySpace, input, InputPort, memoryBackend, Operator, operator, output, OutputPort, Pipeline, silentLogger, state,
  type AddOptions, type Control, type EndReason, type ParametersOf, type RecordOf,
} from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { z } from 'zod';
import { orchestrate, type OrchestrateOptions, type Run } from './index.js';

export const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
export type Num = RecordOf<typeof Num>;

type Behaviour = (...args: readonly unknown[]) => unknown;

/** The other end of a test's operators: notes their hooks, and makes them do what the test wants. */
export class Probe {
  /** Hooks in the order of their calls, as `sink#0.onInit`, with arguments in brackets. `onRunning` and `onCommit` are left out. */
  readonly calls: string[] = [];
  /** Records that sinks have read, in order. */
  readonly received: number[] = [];
  /** By replica what its state said when it shut down. */
  readonly kept = new Map<string, readonly number[]>();
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #waiters = new Set<() => void>();

  /** What a hook does beside its own work: `at('sink.onInit', () => { throw … })`. The last one given counts. */
  at(hook: string, behaviour: Behaviour): this {
    this.#behaviours.set(hook, behaviour);
    return this;
  }

  /** Called by the operators. */
  call(operator: string, replica: number, hook: string, ...args: readonly unknown[]): unknown {
    if (hook !== 'onRunning' && hook !== 'onCommit') this.calls.push(`${operator}#${replica}.${hook}${args.length === 0 ? '' : `(${args.map((arg) => (arg instanceof Error ? arg.message : String(arg))).join(', ')})`}`);
    this.noted();
    return this.#behaviours.get(`${operator}#${replica}.${hook}`)?.(...args) ?? this.#behaviours.get(`${operator}.${hook}`)?.(...args);
  }

  receive(values: readonly Num[]): void {
    for (const { n } of values) this.received.push(n);
    this.noted();
  }

  noted(): void {
    for (const look of [...this.#waiters]) look();
  }

  /** Resolves once a condition over the probe holds. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#waiters.delete(look);
        resolve();
      };
      this.#waiters.add(look);
      look();
    });
  }

  get services(): ContainerModule {
    return new ContainerModule(({ bind }) => void bind(Probe).toConstantValue(this));
  }
}

abstract class Probed extends Operator {
  constructor(@inject(Probe) protected readonly probe: Probe) {
    super();
    void this.call('constructor');
  }
  /** In the constructor there is no context yet. */
  protected call(hook: string, ...args: readonly unknown[]): unknown {
    const context = this.context as typeof this.context | undefined;
    return this.probe.call(context?.operator ?? this.constructor.name.toLowerCase(), context?.replica ?? 0, hook, ...args);
  }
  override async onInit() {
    await this.call('onInit');
  }
  override async onTick() {
    await this.call('onTick');
  }
  override async onCommit() {
    await this.call('onCommit');
  }
  override async onShutdown(reason: EndReason) {
    await this.call('onShutdown', reason);
  }
  override async onError(error: Error, source: string) {
    await this.call('onError', error, source);
  }
  override async onInterrupt(signal: string) {
    await this.call('onInterrupt', signal);
  }
}

/** Sends `count` numbers from 0, a batch a step, and remembers how far it has come. Replicas send numbers of their own. */
@operator(import.meta)
export class Source extends Probed {
  static override readonly parameters = z.object({ count: z.int().default(10), batch: z.int().default(5) });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  override async onRunning() {
    await this.call('onRunning');
    const { count, batch } = this.parameters;
    const from = this.progress.sent;
    const first = this.context.replica * 1_000_000;
    const values = Array.from({ length: Math.min(batch, count - from) }, (_, i) => ({ n: first + from + i }));
    // Before send: it is what the step sends, committed with it or not at all.
    this.progress.sent += values.length;
    await this.numbers.send(values);
    return this.progress.sent === count;
  }
}

/** Passes on what it reads. */
@operator(import.meta)
export class Relay extends Probed {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @output(Num) declare readonly passed: OutputPort<Num>;
  override async onRunning() {
    const values = this.numbers.retrieve();
    const result = await this.call('onRunning');
    await this.passed.send(values);
    return result as boolean | undefined;
  }
}

/** Collects what it reads: told to the probe at once, and kept in its state. */
@operator(import.meta)
export class Sink extends Probed {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @state(z.object({ seen: z.array(z.int()).default([]) })) declare kept: { seen: number[] };
  override async onRunning() {
    const result = await this.call('onRunning');
    const values = this.numbers.retrieve();
    for (const { n } of values) this.kept.seen.push(n);
    this.probe.receive(values);
    return result as boolean | undefined;
  }
  override async onShutdown(reason: EndReason) {
    this.probe.kept.set(this.context.name, [...this.kept.seen]);
    await super.onShutdown(reason);
  }
}

/** Collects without any state, so that its replicas may change between starts. */
@operator(import.meta)
export class Tap extends Probed {
  @input(Num) declare readonly numbers: InputPort<Num>;
  override async onRunning() {
    const result = await this.call('onRunning');
    this.probe.receive(this.numbers.retrieve());
    return result as boolean | undefined;
  }
}

export interface PairOptions {
  readonly count?: number;
  readonly batch?: number;
  readonly source?: AddOptions<Source>;
  readonly sink?: AddOptions<Sink>;
}

/** `source` → `sink`, in a pipeline `p`. */
export function pair({ count = 10, batch = 5, source, sink }: PairOptions = {}): Pipeline {
  const pipeline = new Pipeline('p');
  const from = pipeline.add(Source, { count, batch }, { name: 'source', ...source });
  pipeline.add(Sink, {}, { name: 'sink', ...sink }).numbers.connect(from.numbers);
  return pipeline;
}

/** One test's place: a memory space of its own, a probe, and the runs that were started there. */
export class Place {
  readonly space = `orchestrator-${randomUUID()}`;
  readonly location = `memory:${this.space}`;
  readonly probe = new Probe();
  readonly #runs: Run[] = [];

  /** Starts a pipeline here; signals of the process are left alone. */
  async start(pipeline: Pipeline, options: Partial<OrchestrateOptions> = {}): Promise<Run> {
    const run = await orchestrate(pipeline, { location: this.location, services: this.probe.services, logger: silentLogger, handleSignals: false, ...options });
    this.#runs.push(run);
    return run;
  }

  /** Ends what still runs, and forgets the place. */
  async clear(): Promise<void> {
    await Promise.allSettled(this.#runs.map((run) => run.stop({ mode: 'now' })));
    dropMemorySpace(this.space);
  }

  /** Calls something with a connection of its own. */
  async look<T>(call: (transport: Awaited<ReturnType<typeof memoryBackend.connect>>) => Promise<T>): Promise<T> {
    const transport = await memoryBackend.connect(this.location);
    try {
      return await call(transport);
    } finally {
      await transport.close();
    }
  }

  /** The keys of the facts of pipeline `p`. */
  facts(): Promise<readonly string[]> {
    return this.look(async (transport) => [...(await factsOf(transport.control('p'))).keys()].sort());
  }

  /** The state of an owner, by key. */
  state(owner: string): Promise<ReadonlyMap<string, string>> {
    return this.look(async (transport) => new Map([...(await transport.open({ id: owner, delivery: 'at-least-once', wake() {} })).state].map(([key, value]) => [key, Buffer.from(value).toString()])));
  }

  /** Records of a channel that its group has yet to read, over all partitions; `undefined` where there is no such channel. */
  unread(channel: string, group = channel): Promise<number | undefined> {
    return this.look(async (transport) => {
      const description = await transport.describeChannel(channel);
      if (description === undefined) return undefined;
      const positions = description.groups.get(group);
      return [...description.ends].reduce((sum, [partition, end]) => sum + end - (positions?.get(partition) ?? description.starts.get(partition) ?? 0), 0);
    });
  }
}

async function factsOf(control: Control): Promise<ReadonlyMap<string, Uint8Array>> {
  const facts = new Map<string, Uint8Array>();
  const follower = await control.follow('', (key, value) => void (value === undefined ? facts.delete(key) : facts.set(key, value)));
  await follower.close();
  return facts;
}

/** The whole numbers from `from` up to and without `to`. */
export function range(to: number, from = 0): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

export function sorted(numbers: readonly number[]): readonly number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** A promise with its ends in hand: what a hook waits at. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
