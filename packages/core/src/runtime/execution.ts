import { EndOfStream } from '../channel/end-of-stream.js';
import type { ChannelReader, ChannelRole, ChannelWriter, CommitResult, Offsets, Session, Transport } from '../channel/spi.js';
import { NO_CHANNEL, type StatusFact } from '../channel/status-board.js';
import { toError } from '../error/index.js';
import { encodingOf } from '../external/index.js';
import type { Operator } from '../operator/index.js';
import { assignedPartitions, groupName, replicaName, replicaNames, writerNames, type ChannelPlan, type InputPlan, type OutputPlan } from '../plan/plan.js';
import { DeadLetter } from '../port/index.js';
import { deadLetterOf } from './dead-letters.js';
import type { ReplicaEnvironment } from './environment.js';
import { ChannelInputPort, type LostRecord } from './input-port.js';
import { decodersOf } from './decoders-of.js';
import { Inputs } from './inputs.js';
import { Loops } from './loops.js';
import { portCounters, type PortCounters, type ReplicaCounters } from './metrics.js';
import { OutputChannel } from './output-channel.js';
import { ChannelOutputPort } from './output-port.js';
import type { Replay } from './replay.js';
import { Wake, type Signal } from './signal.js';
import { StateStore } from './state-store.js';
import { StepScope } from './step.js';

export interface ExecutionOptions {
  readonly env: ReplicaEnvironment;
  readonly signal: Signal;
  readonly replay: Replay;
  /** Kept over the instances of a replica, as are those by port. */
  readonly counters: ReplicaCounters;
  readonly portCounters: Map<string, PortCounters>;
}

/**
 * One life of an operator instance: its sessions, ports and state, from opening to closing. A step that fails ends it without a
 * commit, and the replica begins another one.
 */
export class Execution {
  readonly name: string;
  readonly step: StepScope;
  readonly loops: Loops;
  readonly inputs = new Inputs();
  readonly outputs = new Map<string, ChannelOutputPort>();
  /** Records were given up since the last commit: it had better come soon, or they are given up again and again. */
  hasLost = false;
  readonly #options: ExecutionOptions;
  readonly #sessions = new Map<Transport, Session>();
  #home!: Session;
  /** The sessions elsewhere than at home: mostly none. */
  #others: readonly Session[] = [];
  readonly #channels: OutputChannel[] = [];
  readonly #deadLetters = new Map<string, ChannelOutputPort>();
  readonly #byWriter = new Map<ChannelWriter, OutputChannel>();
  readonly #sessionOf = new Map<ChannelReader, Session>();
  readonly #unwatch: (() => void)[] = [];
  #lost: LostRecord[] = [];
  #state: StateStore | undefined;
  /** A step was made since the last commit. */
  #dirty = false;
  #failure: Error | undefined;

  constructor(options: ExecutionOptions) {
    this.#options = options;
    this.name = replicaName(options.env.pipeline, options.env.operator.name, options.env.index);
    this.step = new StepScope(options.signal);
    this.loops = new Loops(this.step, options.signal);
  }

  /** Opens the sessions, which fences earlier lives of this replica. */
  async connect(): Promise<void> {
    const { env, signal } = this.#options;
    const { operator } = env;
    const home = env.transport(env.homeLocation);
    const channels = [...operator.inputs.map((input) => input.channel), ...operator.outputs.flatMap((output) => output.channels)];
    for (const transport of new Set([home, ...channels.map((channel) => env.transport(channel.location))])) {
      const session = await transport.open({ id: this.name, delivery: operator.delivery, ...(operator.maxStepBytes === undefined ? {} : { maxStepBytes: operator.maxStepBytes }), wake: () => signal.notify(Wake.Data) });
      this.#sessions.set(transport, session);
      if (transport === home) this.#home = session;
      else this.#others = [...this.#others, session];
    }
  }

  /** True where an earlier life was done: this one only closes again. */
  get wasDone(): boolean {
    return this.#state!.done;
  }

  /** Gives an instance its ports and state, once they are open. */
  bind(instance: Operator): void {
    for (const [name, value] of [...this.inputs, ...this.outputs]) Object.defineProperty(instance, name, { value, enumerable: true, configurable: true });
    const { env } = this.#options;
    this.#state = new StateStore({ replica: this.name, states: env.operator.states, stored: this.#home.state, partitions: () => this.#statePartitions(), limit: env.transport(env.homeLocation).limits.stateBytes });
    this.#state.restore(instance);
  }

  async openInput(plan: InputPlan): Promise<void> {
    const { step, loops } = this;
    const { env, replay, signal } = this.#options;
    const { channel } = plan;
    const session = this.#sessions.get(env.transport(channel.location))!;
    const { external } = channel;
    const { replicas } = env.operator;
    const partitions = assignedPartitions(channel.partitions, replicas, env.index, plan.broadcast);
    // A bounded job reads what is there at its start.
    const grows = external !== undefined && !external.untilEnd;
    const group = groupName(external?.group ?? channel.name, plan.broadcast, env.index);
    const reader = await session.reader(channel.name, { group, partitions, start: external?.start ?? 'earliest', external: external !== undefined, ...(grows ? { share: plan.broadcast ? { index: 0, of: 1 } : { index: env.index, of: replicas } } : {}), backend: plan.backend, ...this.#role(channel, plan.name, writerNames(env.pipeline, channel)) });
    const positions = await reader.loadInputRecordOffset();
    const wake = (): void => signal.notify(Wake.Status);
    let end: EndOfStream | undefined;
    if (external === undefined && env.board !== undefined) {
      const found = new EndOfStream(reader, env.board, { channel: channel.name, writers: writerNames(env.pipeline, channel), onWriterDeath: plan.onWriterDeath, wake, degraded: (dead) => env.events.degraded(this.name, plan.name, dead) });
      end = found;
      found.lookForDead();
      this.#unwatch.push(env.board.watch(channel.name, 'writer', (status) => {
        if (status !== undefined) found.hear(status);
        wake();
      }), env.board.watchDeaths(() => found.lookForDead()));
      // The principal waits for its group, so it listens to the other readers too.
      if (env.index === 0 && env.operator.replicas > 1) this.#unwatch.push(env.board.watch(channel.name, 'reader', wake));
    }
    if (env.schemas !== undefined) this.#unwatch.push(env.schemas.watch(wake));
    const port = new ChannelInputPort({
      replica: this.name, plan, channel: channel.name, reader, positions, commitsStart: external?.start === 'latest', end, step, replay, loops,
      until: external?.untilEnd === true ? await reader.endOffsets() : undefined,
      decoders: decodersOf(plan, { replica: this.name, schemas: env.schemas, clock: env.clock, wake }), counters: this.#countersOf(plan.name), clock: env.clock, logger: env.logger, freeze: env.freeze,
      onLost: (record) => {
        this.hasLost = true;
        if (record.policy === 'deadLetter') this.#lost.push(record);
      },
    });
    this.#sessionOf.set(reader, session);
    this.inputs.set(plan.name, port);
    if (plan.deadLetters.length > 0) this.#deadLetters.set(plan.name, await this.#openOutput({ name: `${plan.name}.deadLetters`, codec: DeadLetter as never, partitioner: 'sticky', validate: 'structure' }, plan.deadLetters));
  }

  async openOutput(plan: OutputPlan): Promise<void> {
    this.outputs.set(plan.name, await this.#openOutput(plan, plan.channels));
  }

  /** Publishes a state of every channel end of this replica that is open. */
  async putStatus(status: StatusFact['status'], reason?: StatusFact['reason']): Promise<void> {
    const { board, operator } = this.#options.env;
    // Without a session nothing was opened, and nobody waits for word.
    if (board === undefined || this.#sessions.size === 0) return;
    const { incarnation } = this.#home;
    const base = { owner: this.name, incarnation, status, ...(reason === undefined ? {} : { reason }) };
    const facts: Omit<StatusFact, 'process'>[] = [];
    for (const { name, channel } of operator.inputs) if (channel.external === undefined && this.inputs.has(name)) facts.push({ ...base, channel: channel.name, port: name, side: 'reader', replicas: operator.replicas });
    for (const [channel, ends] of this.#writtenEnds()) facts.push({ ...base, channel, port: '', side: 'writer', ends: [...ends] });
    if (facts.length === 0) facts.push({ ...base, channel: NO_CHANNEL, port: '', side: 'writer' });
    await Promise.all(facts.map((fact) => board.put(fact)));
  }

  /** What ends this life whatever the policies say: a session that is fenced or lost, a send that nobody can answer for. */
  get failure(): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    if (this.step.stray !== undefined) return this.step.stray;
    if (this.#others.length === 0) return this.#home.failure;
    return this.#home.failure ?? this.#others.find(({ failure }) => failure !== undefined)?.failure;
  }

  get wantsCommit(): boolean {
    return this.#home.wantsCommit || (this.#others.length > 0 && this.#others.some((session) => session.wantsCommit));
  }

  get isDirty(): boolean {
    return this.#dirty || this.step.hasSent;
  }

  /** A step was made: there may be something to commit. */
  touch(): void {
    this.#dirty = true;
  }

  /** Ends a step or a turn of loops: waits for what it sent, and sends what it gave up. */
  settle(): Promise<void> | undefined {
    return this.isUnsettled ? this.#settle() : undefined;
  }

  /** True where the end of a step has to wait, or fails. */
  get isUnsettled(): boolean {
    return this.step.isUnsettled || this.#lost.length > 0;
  }

  /**
   * Commits what was read, sent and kept since the last time; where nothing of that was, nothing is done. Between steps only.
   * @param done marks the replica as done for good
   */
  commit(done = false): Promise<void> | undefined {
    const changes = this.#state!.changes(done);
    const positions = new Map<ChannelReader, Offsets>();
    for (const port of this.inputs.values()) {
      const offsets = port.takePositions();
      if (offsets !== undefined) positions.set(port.reader, offsets);
    }
    const isNeeded = changes !== undefined || positions.size > 0 || this.step.hasSent || this.wantsCommit;
    this.#dirty = false;
    this.step.hasSent = false;
    this.hasLost = false;
    if (!isNeeded) return undefined;
    this.#options.counters.commits++;
    if (this.#others.length > 0) return this.#commitEach(this.#commitOrder(), positions, changes);
    const result = this.#home.commit(positions, changes);
    if (result instanceof Promise) return result.then((value) => this.#committed(value));
    this.#committed(result);
    return undefined;
  }

  /** Where every input is between two steps, for a replay of what a failed step undid. */
  positions(): ReadonlyMap<string, Offsets> {
    return new Map([...this.inputs].map(([name, port]) => [name, new Map(port.positions)]));
  }

  /** Lets go whoever waits for room in `send`. */
  releaseWaits(): void {
    for (const channel of this.#channels) channel.releaseWaits();
  }

  closePorts(): void {
    for (const port of [...this.inputs.values(), ...this.outputs.values(), ...this.#deadLetters.values()]) port.close();
  }

  /** Closes sessions; what is not committed is dropped. Runs every clean-up, and then throws the first error. */
  async close(): Promise<void> {
    this.closePorts();
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    for (const channel of this.#channels) channel.close();
    const results = await Promise.allSettled([...this.#sessions.values()].map((session) => session.close()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw toError(failed.reason, 'closing a session');
  }

  #countersOf(port: string): PortCounters {
    const all = this.#options.portCounters;
    let found = all.get(port);
    if (found === undefined) all.set(port, (found = portCounters()));
    return found;
  }

  #statePartitions(): readonly number[] {
    const shared = this.#options.env.operator.inputs.filter((input) => !input.broadcast);
    const partitions = shared.flatMap(({ name }) => this.inputs.get(name)?.partitions ?? []);
    return [...new Set(partitions)].sort((a, b) => a - b);
  }

  async #openOutput(plan: Pick<OutputPlan, 'name' | 'codec' | 'partitioner' | 'validate'> & { readonly backend?: unknown }, channels: readonly ChannelPlan[]): Promise<ChannelOutputPort> {
    const { step } = this;
    const { env } = this.#options;
    if (env.schemas !== undefined) await env.schemas.publish(plan.codec);
    const opened: OutputChannel[] = [];
    for (const channel of channels) opened.push(await this.#openChannel(channel, plan));
    return new ChannelOutputPort({ replica: this.name, plan, channels: opened, step, stepOnly: env.operator.delivery === 'exactly-once', clock: env.clock, counters: this.#countersOf(plan.name), freeze: env.freeze });
  }

  async #openChannel(plan: ChannelPlan, port: Pick<OutputPlan, 'name' | 'codec'> & { readonly backend?: unknown }): Promise<OutputChannel> {
    const { env } = this.#options;
    const session = this.#sessions.get(env.transport(plan.location))!;
    const writer = await session.writer(plan.name, { external: plan.external !== undefined, backend: port.backend, ...this.#role(plan, port.name, plan.reader === undefined ? [] : replicaNames(env.pipeline, plan.reader.operator, plan.reader.replicas)) });
    const encoding = await encodingOf(port.codec, plan, { replica: this.name, port: port.name });
    const channel = new OutputChannel(plan, writer, port.codec, encoding, env.board);
    this.#channels.push(channel);
    this.#byWriter.set(writer, channel);
    return channel;
  }

  #role({ external }: ChannelPlan, port: string, peers: readonly string[]): { readonly role?: ChannelRole } {
    return external === undefined ? { role: { port, replicas: this.#options.env.operator.replicas, peers } } : {};
  }

  /** What this replica wrote into each channel of the pipeline, through whichever of its ports. */
  #writtenEnds(): ReadonlyMap<string, Offsets> {
    const written = new Map<string, Map<number, number>>();
    for (const { name, ends, isExternal } of this.#channels) {
      if (isExternal) continue;
      const all = written.get(name) ?? new Map<number, number>();
      for (const [partition, end] of ends) all.set(partition, Math.max(end, all.get(partition) ?? 0));
      written.set(name, all);
    }
    return written;
  }

  async #settle(): Promise<void> {
    await this.step.settle();
    const lost = this.#lost;
    this.#lost = [];
    try {
      for (const record of lost) await this.#bury(record);
    } catch (error) {
      // Not the fault of the record that the operator has in hand, so no policy can mend it.
      throw (this.#failure = toError(error, 'the dead letters'));
    }
  }

  /** Sends a record that was given up to the dead letters of its port. */
  async #bury(record: LostRecord): Promise<void> {
    const input = this.#options.env.operator.inputs.find(({ name }) => name === record.port)!;
    await this.#deadLetters.get(record.port)!.send([deadLetterOf(record, { replica: this.name, channel: input.channel.name, codec: input.codec })]);
  }

  /** Outputs elsewhere first, then positions and state at home, then positions elsewhere: a crash in between only doubles. */
  #commitOrder(): readonly Session[] {
    const withInputs = new Set(this.#sessionOf.values());
    return [...this.#others.filter((session) => !withInputs.has(session)), this.#home, ...this.#others.filter((session) => withInputs.has(session))];
  }

  async #commitEach(order: readonly Session[], positions: ReadonlyMap<ChannelReader, Offsets>, changes: ReturnType<StateStore['changes']>): Promise<void> {
    for (const session of order) {
      const own = new Map([...positions].filter(([reader]) => this.#sessionOf.get(reader) === session));
      this.#committed(await session.commit(own, session === this.#home ? changes : undefined));
    }
  }

  #committed(result: CommitResult): void {
    for (const [writer, ends] of result.ends) {
      const channel = this.#byWriter.get(writer);
      if (channel !== undefined) for (const [partition, end] of ends) channel.ends.set(partition, end);
    }
    this.#state!.committed();
    this.#options.replay.forget();
  }
}
