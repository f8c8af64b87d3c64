import { replicaName, replicaNames, type Clock, type HeartbeatOptions, type Logger, type OperatorPlan, type Plan } from '@millrace/core';
import type { BackendModule } from '../backends.js';
import { Child } from './child.js';
import { entryOf } from './entry.js';
import { operatorToWire, type OperatorWire } from './operator-wire.js';
import type { Assignment } from './protocol.js';

export interface ChildrenOptions extends Pick<Assignment, 'runId' | 'generation' | 'mode' | 'grace' | 'connect'> {
  readonly plan: Plan;
  /** Parameters as given to `add`, by operator. */
  readonly parameters: ReadonlyMap<string, unknown>;
  readonly backends: readonly BackendModule[];
  readonly services: string | undefined;
  readonly heartbeat: HeartbeatOptions | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly output: (child: string, stream: 'stdout' | 'stderr', line: string) => void;
}

/** A thread or process of a run. */
export interface ChildInfo {
  /** The replica that it runs, or `pipeline.operator/2` where there are several. */
  readonly name: string;
  readonly kind: 'thread' | 'process';
  /** For a thread that of this process. */
  readonly pid: number;
  readonly threadId: number | undefined;
  /** Those that run there now. */
  readonly replicas: readonly string[];
}

/** A place for one child: after a crash another one takes it. */
interface Slot {
  readonly name: string;
  readonly kind: 'thread' | 'process';
  readonly operators: Map<string, OperatorPlan>;
  /** Those that belong here, whether they run or not. */
  readonly replicas: Set<string>;
  child: Child | undefined;
}

const BEAT_MS = 1_000;

/** The threads and processes of a run, and which replica runs in which. Each starts when its first replica does. */
export class Children {
  readonly #o: ChildrenOptions;
  readonly #slots = new Map<string, Slot>();
  readonly #slotOf = new Map<string, Slot>();
  #isClosed = false;

  constructor(options: ChildrenOptions) {
    this.#o = options;
    const { plan } = options;
    for (const operator of plan.operators) for (let index = 0; index < operator.replicas; index++) if (plan.selected(operator.name, index)) this.#place(operator, index);
  }

  /** Gives an operator that has other replicas than before places for them. Ends the children that are left without any; resolves when they are gone. */
  async rescale(operator: OperatorPlan, before: number): Promise<void> {
    const { pipeline } = this.#o.plan;
    const left: Slot[] = [];
    for (const replica of replicaNames(pipeline, operator.name, before).slice(operator.replicas)) {
      const slot = this.#slotOf.get(replica);
      if (slot === undefined) continue;
      this.#slotOf.delete(replica);
      slot.replicas.delete(replica);
      if (slot.replicas.size === 0) left.push(slot);
    }
    await Promise.all(left.map(async (slot) => {
      await slot.child?.end();
      this.#slots.delete(slot.name);
    }));
    for (let index = before; index < operator.replicas; index++) this.#place(operator, index);
  }

  /** In the child of its pool that has the fewest replicas: one that runs must have loaded the operator. */
  #place(operator: OperatorPlan, index: number): void {
    const { name, placement, children: { pool, count } } = operator;
    if (placement === 'inline') return;
    const { pipeline } = this.#o.plan;
    const replica = replicaName(pipeline, name, index);
    const names = count === undefined ? [replica] : Array.from({ length: count }, (_, turn) => `${pipeline}.${pool}/${turn}`);
    const slots = names.map((slotName): Slot => this.#slots.get(slotName) ?? { name: slotName, kind: placement, operators: new Map(), replicas: new Set(), child: undefined });
    const slot = slots.filter(({ operators, child }) => child === undefined || child.isGone || operators.has(name)).reduce((one, other) => (other.replicas.size < one.replicas.size ? other : one));
    this.#slots.set(slot.name, slot);
    slot.operators.set(name, operator);
    slot.replicas.add(replica);
    this.#slotOf.set(replica, slot);
  }

  /** The child of a replica, once it is ready; one that is gone is replaced. @throws what keeps it from starting */
  async of(replica: string): Promise<Child> {
    const slot = this.#slotOf.get(replica)!;
    if (this.#isClosed) throw new Error(`${replica} starts after the run has ended`);
    if (slot.child === undefined || slot.child.isGone) slot.child = this.#start(slot);
    const { child } = slot;
    await child.ready;
    return child;
  }

  get all(): readonly ChildInfo[] {
    return [...this.#slots.values()].flatMap(({ name, kind, child }) => (child === undefined || child.isGone ? [] : [{ name, kind, pid: child.pid, threadId: child.threadId, replicas: child.replicas }]));
  }

  /** Ends all of them. Resolves when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#slots.values()].map(async ({ child }) => child?.end()));
  }

  #start({ name, kind, operators }: Slot): Child {
    const { plan, parameters, backends, services, heartbeat, clock, logger, output, runId, generation, mode, grace, connect } = this.#o;
    const wires = [...operators.values()].map((operator): OperatorWire => operatorToWire(operator, parameters.get(operator.name)));
    const channels = wires.flatMap(({ inputs, outputs }) => [...inputs.flatMap(({ channel, deadLetters }) => [channel, ...deadLetters]), ...outputs.flatMap((each) => each.channels)]);
    const locations = [...new Set(channels.map(({ location }) => location))];
    const { memory, killAfter } = [...operators.values()][0]!.children;
    return new Child({
      name, kind, memory, killAfter, clock, logger,
      entry: entryOf([...wires.map(({ module }) => module), ...(services === undefined ? [] : [services]), ...backends.map(({ module }) => module)]),
      assignment: { pipeline: plan.pipeline, runId, generation, mode, grace, connect, backends, services, heartbeat, location: plan.location, locations, operators: wires, beat: BEAT_MS },
      output: (stream, line) => output(name, stream, line),
    });
  }
}
