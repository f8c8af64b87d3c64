/** What the tests of running are written with: operators whose hooks a test writes, and a place to run them in. */
import { randomUUID } from 'node:crypto';
import {
  avro, dropMemorySpace, input, InputPort, memoryBackend, Operator, operator, output, OutputPort, Pipeline, silentLogger, state,
  type AddOptions, type ChannelBackend, type CommitResult, type EndReason, type OperatorClass, type PartitionState, type RecordOf, type Refs, type Session, type StepResult, type Transport,
} from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { z } from 'zod';
import { orchestrate, type OrchestrateOptions, type ReplicaMetrics, type Run } from '../index.js';

export const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
export type Num = RecordOf<typeof Num>;

/** The hooks of one operator of a test. */
export interface Role<in O> {
  readonly onInit?: (operator: O) => void | Promise<void>;
  readonly onRunning: (operator: O) => StepResult | Promise<StepResult>;
  readonly onTick?: (operator: O) => void | Promise<void>;
  readonly onCommit?: (operator: O) => void | Promise<void>;
  readonly onShutdown?: (operator: O, reason: EndReason) => void | Promise<void>;
  readonly onError?: (operator: O, error: Error, source: string) => void;
}

class Cast {
  readonly roles = new Map<string, Role<never>>();
}

/** An operator that does what its role says. */
export abstract class Actor extends Operator {
  constructor(@inject(Cast) private readonly cast: Cast) {
    super();
  }

  get #role(): Role<this> {
    return this.cast.roles.get(this.context.operator) as unknown as Role<this>;
  }

  /** Asks for a step, as from a callback. */
  ask(): void {
    this.wake();
  }

  override onInit(): void | Promise<void> {
    const { onCommit } = this.#role;
    // Only who has one: the runtime takes another way where there is none.
    if (onCommit !== undefined) this.onCommit = () => onCommit(this);
    return this.#role.onInit?.(this);
  }
  override onRunning(): StepResult | Promise<StepResult> {
    return this.#role.onRunning(this);
  }
  override onTick(): void | Promise<void> {
    return this.#role.onTick?.(this);
  }
  override onShutdown(reason: EndReason): void | Promise<void> {
    return this.#role.onShutdown?.(this, reason);
  }
  override onError(error: Error, source: string): void {
    this.#role.onError?.(this, error, source);
  }
}

@operator(import.meta)
export class Source extends Actor {
  @output(Num) declare readonly out: OutputPort<Num>;
}

@operator(import.meta)
export class Sink extends Actor {
  @input(Num) declare readonly in: InputPort<Num>;
}

@operator(import.meta)
export class Relay extends Actor {
  @input(Num) declare readonly in: InputPort<Num>;
  @output(Num) declare readonly out: OutputPort<Num>;
}

/** Two inputs. */
@operator(import.meta)
export class Join extends Actor {
  @input(Num) declare readonly a: InputPort<Num>;
  @input(Num) declare readonly b: InputPort<Num>;
  @output(Num) declare readonly out: OutputPort<Num>;
}

/** A source that remembers how far it has come. */
@operator(import.meta)
export class Counter extends Actor {
  @output(Num) declare readonly out: OutputPort<Num>;
  @state(z.object({ next: z.int().default(0) })) declare progress: { next: number };
}

/** A relay with a sum of its own, and one for each partition that it reads. */
@operator(import.meta)
export class Summer extends Actor {
  @input(Num) declare readonly in: InputPort<Num>;
  @output(Num) declare readonly out: OutputPort<Num>;
  @state(z.object({ sum: z.int().default(0) })) declare total: { sum: number };
}

@operator(import.meta)
export class PartitionSummer extends Actor {
  @input(Num) declare readonly in: InputPort<Num>;
  @output(Num) declare readonly out: OutputPort<Num>;
  @state(z.object({ sum: z.int().default(0) }), { per: 'partition' }) declare sums: PartitionState<{ sum: number }>;
}

/** A pipeline in a memory space of its own. `place.add` says what an operator does; `place.start` may be called again and again. */
export class Place {
  readonly space = `running-${randomUUID()}`;
  readonly pipeline = new Pipeline('p');
  readonly #query: string;
  readonly #cast = new Cast();
  readonly #runs: Run[] = [];

  /** @param query of the location: `records=3`, `wire` */
  constructor(query = '') {
    this.#query = query === '' ? '' : `?${query}`;
  }

  get location(): string {
    return `memory:${this.space}${this.#query}`;
  }

  add<O extends Actor>(type: OperatorClass<O>, name: string, role: Role<O>, options?: Omit<AddOptions<O>, 'name'>): Refs<O> {
    this.play(name, role);
    const plain: OperatorClass = type;
    const refs: unknown = this.pipeline.add(plain, {}, { ...(options as AddOptions), name });
    return refs as Refs<O>;
  }

  /** Gives an operator another role from now on. */
  play<O extends Actor>(name: string, role: Role<O>): void {
    this.#cast.roles.set(name, role);
  }

  /** What its operators ask for. */
  get services(): ContainerModule {
    return new ContainerModule(({ bind }) => void bind(Cast).toConstantValue(this.#cast));
  }

  async start(options: Partial<OrchestrateOptions> = {}): Promise<Run> {
    const run = await orchestrate(this.pipeline, { location: this.location, services: this.services, logger: silentLogger, handleSignals: false, ...options });
    this.#runs.push(run);
    return run;
  }

  /** Resolves once a condition holds; it is looked at in each turn of the event loop. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await turns(1);
  }

  /** Calls something with a connection of its own. */
  async look<T>(call: (transport: Transport) => Promise<T>): Promise<T> {
    const transport = await memoryBackend.connect(this.location);
    try {
      return await call(transport);
    } finally {
      await transport.close();
    }
  }

  /** Committed position of a channel's group, by partition. */
  async committed(channel: string, group = channel): Promise<Record<number, number>> {
    return this.look(async (transport) => Object.fromEntries((await transport.describeChannel(channel))?.groups.get(group) ?? []));
  }

  /** What a replica's last commit left, by key; while it runs the look fences it. */
  stateOf(replica: string): Promise<Record<string, unknown>> {
    return this.look(async (transport) => {
      const session = await transport.open({ id: replica, delivery: 'at-least-once', wake() {} });
      return Object.fromEntries([...session.state].map(([key, value]): [string, unknown] => [key, JSON.parse(Buffer.from(value).toString())]));
    });
  }

  /** Ends what still runs, and forgets the place. */
  async clear(): Promise<void> {
    await Promise.allSettled(this.#runs.map((run) => run.stop({ mode: 'now' })));
    dropMemorySpace(this.space);
  }
}

/** A source that sends the numbers from 0 to `count`, a batch a step. Begins anew with each instance. */
export function sends(count: number, batch = 1): Role<Source> {
  const next = new WeakMap<Source, number>();
  return {
    async onRunning(source) {
      const from = next.get(source) ?? 0;
      const to = Math.min(count, from + batch);
      next.set(source, to);
      await source.out.send(nums(from, to));
      return to === count;
    },
  };
}

/** A source that goes on where its last commit was. */
export function counts(count: number, batch = 1): Role<Counter> {
  return {
    async onRunning({ out, progress }) {
      const from = progress.next;
      progress.next = Math.min(count, from + batch);
      await out.send(nums(from, progress.next));
      return progress.next === count;
    },
  };
}

/** Notes what it reads. */
export function collects(into: number[]): Role<Sink> {
  return {
    onRunning(sink) {
      for (const { n } of sink.in.retrieve()) into.push(n);
    },
  };
}

/** Passes on what it reads, and throws over some. */
export function throwsAt(bad: readonly number[], before: (n: number) => void = () => undefined): Role<Relay> {
  return {
    async onRunning({ in: input, out }) {
      for (const value of input.retrieve()) {
        before(value.n);
        await out.send([value]);
        if (bad.includes(value.n)) throw new Error(`bad ${value.n}`);
      }
    },
  };
}

/** The same in a loop. */
export function throwsInLoop(bad: readonly number[], before: (n: number) => void = () => undefined): Role<Relay> {
  return {
    async onRunning({ in: input, out }) {
      for await (const batch of input) {
        for (const value of batch) {
          before(value.n);
          await out.send([value]);
          if (bad.includes(value.n)) throw new Error(`bad ${value.n}`);
        }
      }
    },
  };
}

/** `source` → `relay` → `sink`; what the sink got. */
export function chain(place: Place, role: Role<Relay>, options: Omit<AddOptions<Relay>, 'name'> = {}, count = 20, batch = 20): number[] {
  const got: number[] = [];
  const source = place.add(Source, 'source', sends(count, batch));
  const relay = place.add(Relay, 'relay', role, options);
  relay.in.connect(source.out);
  place.add(Sink, 'sink', collects(got)).in.connect(relay.out);
  return got;
}

/** The metrics of an operator's first replica. */
export async function metricsOf(run: Run, name: string): Promise<ReplicaMetrics | undefined> {
  return (await run.metrics()).replicas.find(({ operator }) => operator === name);
}

/** Records from `from` up to and without `to`. */
export function nums(from: number, to: number): Num[] {
  return Array.from({ length: to - from }, (_, i) => ({ n: from + i }));
}

/** The whole numbers from 0 up to and without `count`. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

export function sorted(numbers: readonly number[]): number[] {
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

/** Lets what waits for nothing but the event loop get on. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** A commit as a session was asked for it, and what became of it. */
export interface Commit {
  readonly owner: string;
  /** By channel and partition. */
  readonly positions: Readonly<Record<string, number>>;
  /** By key; JSON. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Offset after the last record that it made durable, by channel and partition. */
  readonly ends: Readonly<Record<string, number>>;
}

/** The memory backend, with an eye on every commit. */
export function watchCommits(): { readonly backend: ChannelBackend; readonly commits: Commit[]; of(owner: string): Commit[] } {
  const commits: Commit[] = [];
  const watch = (session: Session): Session => {
    const commit = session.commit.bind(session);
    session.commit = (positions, state) => {
      const note = ({ ends }: CommitResult): CommitResult => {
        commits.push({ owner: session.owner, positions: byChannel(positions), state: Object.fromEntries([...(state ?? [])].map(([key, value]): [string, unknown] => [key, value && JSON.parse(Buffer.from(value).toString())])), ends: byChannel(ends) });
        return { ends };
      };
      const result = commit(positions, state);
      return result instanceof Promise ? result.then(note) : note(result);
    };
    return session;
  };
  const connect: ChannelBackend['connect'] = async (location, options) => {
    const transport = await memoryBackend.connect(location, options);
    const open = transport.open.bind(transport);
    transport.open = async (owner) => watch(await open(owner));
    return transport;
  };
  return { backend: { ...memoryBackend, connect }, commits, of: (owner) => commits.filter((commit) => commit.owner === owner) };
}

function byChannel(offsets: ReadonlyMap<{ readonly channel: string }, ReadonlyMap<number, number>>): Record<string, number> {
  return Object.fromEntries([...offsets].flatMap(([{ channel }, partitions]) => [...partitions].map(([partition, offset]): [string, number] => [`${channel}/${partition}`, offset])));
}
