import { assignedPartitions, decodeFact, encodeFact, FactKey, MillraceError, replicaName, type ChannelPlan, type Control, type OperatorPlan, type Plan, type Session, type Transport } from '@millrace/core';

/** Where a generation stands. `completed`: everything was done, and what the run had is deleted. */
export type GenerationPhase = 'starting' | 'running' | 'deleting' | 'completed';

/** What the pipeline's own session keeps: the newest start on the location. */
export interface GenerationState {
  readonly number: number;
  readonly runId: string;
  readonly phase: GenerationPhase;
  /** Channels, owners to delete: written before the deletion begins, so that one that was cut short can be finished. */
  readonly deleting?: { readonly channels: readonly string[]; readonly owners: readonly string[] };
}

interface ReplicasFact {
  /** Replicas at the last start, and the most there ever were. */
  readonly count: number;
  readonly highest: number;
}

const STATE_KEY = 'generation';
/** How long a start waits for another one of its run that is under way. */
const JOIN_TIMEOUT_MS = 60_000;

/**
 * The starts of one pipeline on its location, one after the other: its own session is the lock. Opening it fences another start
 * that is under way, and a commit through it decides which of two goes on.
 */
export class Generations {
  readonly #transport: Transport;
  readonly #control: Control;
  readonly #plan: Plan;

  constructor(transport: Transport, plan: Plan) {
    this.#transport = transport;
    this.#plan = plan;
    this.#control = transport.control(plan.pipeline);
  }

  /**
   * Begins a new generation, or joins the one of this run id.
   * @returns the generation; its phase is `running`, or `completed` where the run was over before this start came
   * @throws MillraceError `MILLRACE_FENCED` where another start came in between
   */
  async begin(runId: string, isShared: boolean): Promise<GenerationState> {
    const current = isShared ? await this.#published() : undefined;
    if (current?.runId === runId) return current;
    try {
      return await this.#locked((session, state) => this.#start(session, state, runId, isShared));
    } catch (error) {
      if (!isShared || !MillraceError.is(error, 'MILLRACE_FENCED')) throw error;
      return await this.#waitFor(runId);
    }
  }

  /** Deletes what a completed run had. Nothing happens where a newer start took over. */
  async complete(generation: GenerationState, deleting: NonNullable<GenerationState['deleting']>): Promise<void> {
    await this.#locked(async (session, state) => {
      if (state === undefined || state.number !== generation.number || state.phase === 'completed') return;
      await this.#save(session, { ...state, phase: 'deleting', deleting });
      await this.#delete(session, { ...state, deleting });
    });
  }

  /** Deletes what earlier runs left, whether it was read or not. */
  async reset(channels: readonly string[]): Promise<void> {
    await this.#locked(async (session, state) => {
      const owners = (await this.#owners()).map(({ owner }) => owner);
      await this.#fence(owners);
      await this.#delete(session, { number: state?.number ?? 0, runId: state?.runId ?? '', deleting: { channels, owners } });
    });
  }

  async #start(session: Session, state: GenerationState | undefined, runId: string, isShared: boolean): Promise<GenerationState> {
    if (state?.phase === 'deleting') await this.#delete(session, state);
    const isSame = isShared && state?.runId === runId;
    if (isSame && (state.phase === 'running' || state.phase === 'completed')) return state;
    // A start of this very run that was cut short goes on under its number.
    const next: GenerationState = { number: isSame ? state.number : (state?.number ?? 0) + 1, runId, phase: 'starting' };
    await this.#save(session, next);
    await this.#takeOver();
    await this.#forgetBefore(next.number);
    const running: GenerationState = { ...next, phase: 'running' };
    await this.#save(session, running);
    await this.#control.put(FactKey.generation, encodeFact(running));
    return running;
  }

  /**
   * Fences every owner that an operator of the pipeline ever had there, before any replica reads positions, and hands state per
   * partition to whoever reads the partition now.
   */
  async #takeOver(): Promise<void> {
    const known = await this.#owners();
    const sessions = new Map<string, Session>();
    try {
      for (const owner of new Set([...known.map(({ owner }) => owner), ...this.#plan.operators.flatMap((operator) => this.#replicasOf(operator, operator.replicas))])) {
        sessions.set(owner, await this.#transport.open({ id: owner, delivery: this.#delivery, wake() {} }));
      }
      for (const operator of this.#plan.operators) {
        const before = known.find(({ operator: name }) => name === operator.name);
        if (before !== undefined && before.count !== operator.replicas) await this.#movePartitionStates(operator, before.highest, sessions);
        await this.#control.put(FactKey.replicas(operator.name), encodeFact({ count: operator.replicas, highest: Math.max(operator.replicas, before?.highest ?? 0) } satisfies ReplicasFact));
      }
    } finally {
      await Promise.all([...sessions.values()].map((session) => session.close()));
    }
  }

  /** Copies first and removes afterwards: a crash in between leaves equal copies, of which either will do. */
  async #movePartitionStates(operator: OperatorPlan, highest: number, sessions: ReadonlyMap<string, Session>): Promise<void> {
    const fields = operator.states.filter(({ per }) => per === 'partition').map(({ name }) => name);
    const partitions = Math.max(0, ...operator.inputs.filter(({ broadcast }) => !broadcast).map(({ channel }) => channel.partitions));
    if (fields.length === 0) return;
    const owners = this.#replicasOf(operator, Math.max(highest, operator.replicas)).map((owner) => sessions.get(owner)!);
    const wanted = new Map<Session, string[]>();
    for (let index = 0; index < operator.replicas; index++) {
      wanted.set(owners[index]!, fields.flatMap((field) => assignedPartitions(partitions, operator.replicas, index, false).map((partition) => `state/${field}/${partition}`)));
    }
    for (const [session, keys] of wanted) {
      const copies = new Map<string, Uint8Array>();
      for (const key of keys) {
        const value = owners.find((owner) => owner.state.has(key))?.state.get(key);
        if (value !== undefined && !session.state.has(key)) copies.set(key, value);
      }
      if (copies.size > 0) await session.commit(new Map(), copies);
    }
    for (const session of owners) {
      const stale = [...session.state.keys()].filter((key) => fields.some((field) => key.startsWith(`state/${field}/`)) && !wanted.get(session)?.includes(key));
      if (stale.length > 0) await session.commit(new Map(), new Map(stale.map((key) => [key, undefined])));
    }
  }

  async #delete(session: Session, state: Omit<GenerationState, 'phase'>): Promise<void> {
    await this.#transport.deleteResources(state.deleting ?? {});
    for (const key of await this.#keys('')) if (key !== FactKey.generation) await this.#control.remove(key);
    const completed: GenerationState = { number: state.number, runId: state.runId, phase: 'completed' };
    await this.#save(session, completed);
    await this.#control.put(FactKey.generation, encodeFact(completed));
  }

  async #fence(owners: readonly string[]): Promise<void> {
    for (const id of owners) await (await this.#transport.open({ id, delivery: this.#delivery, wake() {} })).close();
  }

  /** Owners of earlier starts, also of operators that are no longer in the pipeline. */
  async #owners(): Promise<readonly (ReplicasFact & { operator: string; owner: string })[]> {
    const owners: (ReplicasFact & { operator: string; owner: string })[] = [];
    const prefix = FactKey.replicas('');
    for (const [key, value] of await this.#facts(prefix)) {
      const fact = decodeFact<ReplicasFact>(value);
      const operator = key.slice(prefix.length);
      for (let index = 0; index < (fact?.highest ?? 0); index++) owners.push({ ...fact!, operator, owner: replicaName(this.#plan.pipeline, operator, index) });
    }
    return owners;
  }

  async #forgetBefore(generation: number): Promise<void> {
    for (const prefix of ['status/', 'beat/']) {
      for (const key of await this.#keys(prefix)) if (Number(key.slice(prefix.length).split('/')[0]) < generation) await this.#control.remove(key);
    }
  }

  async #published(): Promise<GenerationState | undefined> {
    const value = (await this.#facts(FactKey.generation)).get(FactKey.generation);
    return value && decodeFact<GenerationState>(value);
  }

  /** Another start of this run was quicker: waits until it says that it is running. */
  async #waitFor(runId: string): Promise<GenerationState> {
    let found: (state: GenerationState) => void;
    const running = new Promise<GenerationState>((resolve) => {
      found = resolve;
    });
    const follower = await this.#control.follow(FactKey.generation, (_key, value) => {
      const state = value && decodeFact<GenerationState>(value);
      if (state?.runId === runId) found(state);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new MillraceError('MILLRACE_TIMEOUT', `another start of ${this.#plan.pipeline} with run id ${runId} has not finished starting in ${JOIN_TIMEOUT_MS} ms`)), JOIN_TIMEOUT_MS);
    });
    try {
      return await Promise.race([running, late]);
    } finally {
      clearTimeout(timer);
      await follower.close();
    }
  }

  async #locked<T>(work: (session: Session, state: GenerationState | undefined) => Promise<T>): Promise<T> {
    const session = await this.#transport.open({ id: this.#plan.pipeline, delivery: this.#delivery, wake() {} });
    try {
      const value = session.state.get(STATE_KEY);
      return await work(session, value && decodeFact<GenerationState>(value));
    } finally {
      await session.close();
    }
  }

  async #save(session: Session, state: GenerationState): Promise<void> {
    await session.commit(new Map(), new Map([[STATE_KEY, encodeFact(state)]]));
  }

  async #facts(prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
    const facts = new Map<string, Uint8Array>();
    const follower = await this.#control.follow(prefix, (key, value) => void (value === undefined ? facts.delete(key) : facts.set(key, value)));
    await follower.close();
    return facts;
  }

  async #keys(prefix: string): Promise<readonly string[]> {
    return [...(await this.#facts(prefix)).keys()];
  }

  #replicasOf(operator: OperatorPlan, count: number): readonly string[] {
    return Array.from({ length: count }, (_, index) => replicaName(this.#plan.pipeline, operator.name, index));
  }

  get #delivery(): 'at-least-once' | 'exactly-once' {
    return this.#transport.capabilities.transactions ? 'exactly-once' : 'at-least-once';
  }
}

/** The channels that a pipeline owns at its home location. */
export function ownChannels(plan: Plan): readonly ChannelPlan[] {
  return plan.channels.filter((channel) => channel.external === undefined);
}
