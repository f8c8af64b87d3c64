import { randomUUID } from 'node:crypto';
import { assignedPartitions, dropMemorySpace, groupName, memoryBackend, MillraceError, replicaName, StatusBoard, type Clock, type OperatorClass, type OperatorPlan, type OutgoingBatch, type Plan, type Positions, type Session, type StateChanges, type Transport } from '@millrace/core';
import { HarnessInput } from './input.js';
import { HarnessOutput } from './output.js';
import { channelOf, PIPELINE, planAlone, type PlanRequest } from './plan.js';
import { States } from './states.js';
import type { HarnessCommit } from './types.js';
import { valuesOf } from './values.js';
import type { SessionWatch } from './watched-transport.js';

export interface BenchOptions extends Omit<PlanRequest, 'location'> {
  readonly replica: number;
  readonly clock: Clock;
}

interface BenchParts {
  readonly plan: Plan;
  readonly operator: OperatorPlan;
  readonly index: number;
  readonly space: string;
  readonly transport: Transport;
  readonly board: StatusBoard;
}

/** What stands around the operator under test over all its lives: its channels in memory, who feeds and reads them, what it committed. */
export class Bench implements SessionWatch {
  readonly plan: Plan;
  readonly operator: OperatorPlan;
  /** Name of the replica. */
  readonly name: string;
  readonly transport: Transport;
  readonly board: StatusBoard;
  readonly inputs = new Map<string, HarnessInput<unknown>>();
  readonly outputs = new Map<string, HarnessOutput<unknown>>();
  readonly deadLetters = new Map<string, HarnessOutput<unknown>>();
  readonly commits: HarnessCommit<object>[] = [];
  readonly positions: Record<string, Record<number, number>> = {};
  readonly states: States;
  readonly #space: string;
  readonly #stored = new Map<string, Uint8Array>();
  readonly #ports = new Map<string, string>();
  /** Written since the last commit, by output port. */
  #written = new Map<string, unknown[]>();

  private constructor({ plan, operator, index, space, transport, board }: BenchParts) {
    this.plan = plan;
    this.operator = operator;
    this.name = replicaName(PIPELINE, operator.name, index);
    this.transport = transport;
    this.board = board;
    this.#space = space;
    const shared = operator.inputs.filter(({ broadcast }) => !broadcast);
    this.states = new States(operator, this.name, [...new Set(shared.flatMap(({ channel }) => assignedPartitions(channel.partitions, operator.replicas, index, false)))]);
    for (const { name, channel } of operator.inputs) this.#ports.set(channel.name, name);
    for (const { name } of operator.outputs) this.#ports.set(channelOf(operator, name)!.name, name);
  }

  /** @throws PlanError, MillraceError `MILLRACE_NOT_AN_OPERATOR`, `MILLRACE_OPTION_INVALID` */
  static async open(type: OperatorClass, options: BenchOptions): Promise<Bench> {
    const space = `${PIPELINE}-${randomUUID()}`;
    const { replica, clock } = options;
    // No bound: the operator never waits for room, since nobody would make any.
    const { plan, operator } = planAlone(type, { ...options, location: `memory:${space}?records=${Number.MAX_SAFE_INTEGER}` });
    if (!Number.isInteger(replica) || replica < 0 || replica >= operator.replicas) throw new MillraceError('MILLRACE_OPTION_INVALID', `there is no replica ${replica} among ${operator.replicas}`);
    const transport = await memoryBackend.connect(plan.location);
    await transport.createResources(plan.channels);
    const board = await StatusBoard.open(transport.control(PIPELINE), { generation: 1, process: PIPELINE, clock, heartbeat: { interval: Infinity, timeout: Infinity } });
    const bench = new Bench({ plan, operator, index: replica, space, transport, board });
    const session = await transport.open({ id: replicaName(PIPELINE, `${operator.name}_test`, 0), delivery: 'at-least-once', wake() {} });
    for (const { name } of operator.inputs) await bench.#feed(name, replica, clock);
    for (const output of operator.outputs) bench.outputs.set(output.name, await bench.#read(session, output.name, output.channels[0]!.name, 'records'));
    for (const { name, deadLetters } of operator.inputs) if (deadLetters[0] !== undefined) bench.deadLetters.set(name, await bench.#read(session, name, deadLetters[0].name, 'deadLetters'));
    return bench;
  }

  opened(): void {
    this.#written = new Map();
  }

  wrote(channel: string, batch: OutgoingBatch): void {
    const port = this.#ports.get(channel);
    const output = this.operator.outputs.find(({ name }) => name === port);
    if (output === undefined) return;
    const written = this.#written.get(output.name) ?? [];
    this.#written.set(output.name, written.concat(valuesOf(output.codec, batch)));
  }

  committed(positions: Positions, changes: StateChanges = new Map()): void {
    for (const [key, value] of changes) if (value !== undefined) this.#stored.set(key, value);
    const moved: Record<string, Record<number, number>> = {};
    for (const [{ channel }, offsets] of positions) {
      const port = this.#ports.get(channel)!;
      moved[port] = Object.fromEntries(offsets);
      this.positions[port] = { ...this.positions[port], ...moved[port] };
    }
    this.commits.push({ positions: moved, state: this.states.changed(changes), outputs: Object.fromEntries(this.#written), done: this.states.isDone(this.#stored) });
    this.#written = new Map();
  }

  /** The committed state. */
  get state(): Record<string, unknown> {
    return this.states.read(this.#stored);
  }

  /** Stores values for the operator to begin with. */
  async seed(values: Readonly<Record<string, unknown>>): Promise<void> {
    const changes = this.states.encode(values);
    const session = await this.transport.open({ id: this.name, delivery: 'at-least-once', wake() {} });
    await session.commit(new Map(), changes);
    await session.close();
    for (const [key, value] of changes) if (value !== undefined) this.#stored.set(key, value);
  }

  /** Resolves once the ends of inputs that were asked for can be seen. */
  async settled(): Promise<void> {
    for (const each of this.inputs.values()) await each.settled();
  }

  async close(): Promise<void> {
    await this.board.close();
    await this.transport.close();
    dropMemorySpace(this.#space);
  }

  async #feed(port: string, replica: number, clock: Clock): Promise<void> {
    const { operator, transport, board } = this;
    const plan = operator.inputs.find(({ name }) => name === port)!;
    const { channel, broadcast } = plan;
    const session = await transport.open({ id: replicaName(PIPELINE, channel.writers[0]!.operator, 0), delivery: 'at-least-once', wake() {} });
    const writer = await session.writer(channel.name);
    await board.put({ channel: channel.name, owner: session.owner, side: 'writer', port: '', incarnation: session.incarnation, status: 'Opened' });
    // The principal waits for the others of its group, which are not here.
    for (let other = 0; other < operator.replicas; other++) if (other !== replica) await board.put({ channel: channel.name, owner: replicaName(PIPELINE, operator.name, other), side: 'reader', port, incarnation: 1, status: 'Closed', reason: 'done' });
    this.inputs.set(port, new HarnessInput({ plan, partitions: assignedPartitions(channel.partitions, operator.replicas, replica, broadcast), session, writer, board, clock }));
  }

  async #read(session: Session, port: string, channel: string, what: 'records' | 'deadLetters'): Promise<HarnessOutput<unknown>> {
    const plan = this.plan.channels.find(({ name }) => name === channel)!;
    const codec = what === 'records' ? this.operator.outputs.find(({ name }) => name === port)!.codec : plan.writers[0]!.codec;
    const reader = await session.reader(channel, { group: groupName(channel, false, 0), partitions: Array.from({ length: plan.partitions }, (_, partition) => partition), start: 'earliest' });
    await reader.loadInputRecordOffset();
    return new HarnessOutput(codec, reader);
  }
}
