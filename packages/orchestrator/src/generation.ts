import { decodeFact, encodeFact, FactKey, MillraceError, replicaName, replicaNames, type ChannelSpec, type Clock, type Control, type Plan, type Session, type Transport } from '@millrace/core';
import { readFacts, readReplicas, type ReplicasFact } from './facts.js';
import { fence, openToFence, takeOver } from './take-over.js';

/** Where a generation stands. `completed`: everything was done, and what the run had is deleted. */
export type GenerationPhase = 'starting' | 'running' | 'deleting' | 'completed';

/** What a deletion takes. */
interface Doomed {
  readonly channels: readonly string[];
  readonly owners: readonly string[];
}

/** What the pipeline's own session keeps: the newest start on the location. */
export interface GenerationState {
  readonly number: number;
  readonly runId: string;
  readonly phase: GenerationPhase;
  /** Replicas by operator: all starts of a run plan the same. */
  readonly replicas?: Readonly<Record<string, number>>;
  /** Written before a deletion begins, so that one that was cut short can be finished. */
  readonly deleting?: Doomed;
}

export interface GenerationsOptions {
  /** To the home location of the plan. */
  readonly transport: Transport;
  readonly plan: Plan;
  /** Made with the generation. */
  readonly channels: readonly ChannelSpec[];
  readonly runId: string;
  /** Other starts may have the same run id, and share its generation. */
  readonly isShared: boolean;
  readonly clock: Clock;
}

const STATE_KEY = 'generation';
/** How long a start waits for another one of its run that is under way. */
const JOIN_TIMEOUT_MS = 60_000;

/**
 * The starts of one pipeline on its location, one after the other: its own session is the lock. Opening it fences another start
 * that is under way, and a commit through it decides which of two goes on.
 */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #control: Control;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#control = options.transport.control(options.plan.pipeline);
  }

  /**
   * Begins a new generation, or joins the one of this run id.
   * @returns the generation; its phase is `running`, or `completed` where the run was over before this start came
   * @throws MillraceError `MILLRACE_FENCED` where another start came in between; `MILLRACE_RESCALE_REFUSED` where the run was
   * started with other replicas; `MILLRACE_TIMEOUT` where another start of the run stays under way
   */
  async begin(): Promise<GenerationState> {
    const { runId, isShared } = this.#options;
    const published = isShared ? await this.#published() : undefined;
    if (published?.runId === runId) return this.#joined(published);
    try {
      return this.#joined(await this.#locked((session, state) => this.#start(session, state)));
    } catch (error) {
      if (!MillraceError.is(error, 'MILLRACE_FENCED')) throw error;
      if (!isShared) throw this.#overtaken(error);
      return this.#joined(await this.#waitForOther(published?.number ?? 0));
    }
  }

  /**
   * Deletes what a completed run had: these channels, the state of its replicas, its facts. Nothing happens where another start
   * does it, or a newer one took over.
   */
  async complete({ number }: GenerationState, channels: readonly string[]): Promise<void> {
    try {
      await this.#locked(async (session, state) => {
        if (state === undefined || state.number !== number || state.phase === 'completed') return;
        const earlier = await readReplicas(this.#control);
        await this.#delete(session, state, { channels, owners: this.#owners(earlier, this.#options.plan.operators.map(({ name }) => name)) });
      });
    } catch (error) {
      if (!MillraceError.is(error, 'MILLRACE_FENCED')) throw error;
    }
  }

  /** Deletes what earlier runs left, whether it was read or not; nothing where another start of this run was quicker. */
  async reset(channels: readonly string[]): Promise<void> {
    const { runId, isShared, transport } = this.#options;
    try {
      await this.#locked(async (session, state) => {
        if (isShared && state?.runId === runId) return;
        const earlier = await readReplicas(this.#control);
        await fence(transport, this.#owners(earlier, earlier.keys()));
        const left = [...earlier.values()].flatMap((fact) => fact.channels ?? []);
        await this.#delete(session, state ?? { number: 0, runId: '', phase: 'completed' }, { channels: [...new Set([...channels, ...left])], owners: this.#owners(earlier, earlier.keys()) });
      });
    } catch (error) {
      if (!MillraceError.is(error, 'MILLRACE_FENCED')) throw error;
      if (!isShared) throw this.#overtaken(error);
    }
  }

  async #start(session: Session, state: GenerationState | undefined): Promise<GenerationState> {
    const { runId, isShared, transport, plan, channels } = this.#options;
    if (state?.phase === 'deleting') await this.#finishDeletion(session, state);
    const isSame = isShared && state?.runId === runId;
    if (isSame && (state.phase === 'running' || state.phase === 'completed')) {
      await this.#publish(state);
      return state;
    }
    // A start of this very run that was cut short goes on under its number.
    const number = isSame ? state.number : (state?.number ?? 0) + 1;
    const replicas = Object.fromEntries(plan.operators.map((operator) => [operator.name, operator.replicas]));
    await this.#save(session, { number, runId, phase: 'starting', replicas });
    await takeOver(transport, this.#control, plan);
    await this.#forgetBefore(number);
    // Before any start of the run has replicas: positions of groups are placed, and must not come behind what those commit.
    await transport.createResources(channels);
    const running: GenerationState = { number, runId, phase: 'running', replicas };
    await this.#save(session, running);
    await this.#publish(running);
    return running;
  }

  #joined(state: GenerationState): GenerationState {
    const { plan, runId } = this.#options;
    for (const { name, replicas } of state.phase === 'completed' ? [] : plan.operators) {
      const planned = state.replicas?.[name];
      if (planned === undefined || planned === replicas) continue;
      throw new MillraceError('MILLRACE_RESCALE_REFUSED', `run ${runId} of ${plan.pipeline} was started with ${planned} of ${name}, and this start plans ${replicas}; give all starts of a run the same pipeline, or a new runId`, { operator: `${plan.pipeline}.${name}` });
    }
    return state;
  }

  async #delete(session: Session, { number, runId }: GenerationState, deleting: Doomed): Promise<void> {
    const doomed: GenerationState = { number, runId, phase: 'deleting', deleting };
    await this.#save(session, doomed);
    await this.#finishDeletion(session, doomed);
  }

  /** Facts go too, except those of operators whose state stays: they are no longer in the pipeline. */
  async #finishDeletion(session: Session, { number, runId, deleting = { channels: [], owners: [] } }: GenerationState): Promise<void> {
    const { transport, plan } = this.#options;
    await transport.deleteResources(deleting);
    const kept = new Set([FactKey.generation, ...[...(await readReplicas(this.#control)).keys()].filter((operator) => !deleting.owners.includes(replicaName(plan.pipeline, operator, 0))).map((operator) => FactKey.replicas(operator))]);
    await this.#remove([...(await readFacts(this.#control, '')).keys()].filter((key) => !kept.has(key)));
    const completed: GenerationState = { number, runId, phase: 'completed' };
    await this.#save(session, completed);
    await this.#publish(completed);
  }

  /** Every replica that these operators ever had. */
  #owners(earlier: ReadonlyMap<string, ReplicasFact>, operators: Iterable<string>): readonly string[] {
    return [...operators].flatMap((operator) => replicaNames(this.#options.plan.pipeline, operator, earlier.get(operator)?.highest ?? 0));
  }

  async #forgetBefore(generation: number): Promise<void> {
    for (const prefix of ['status/', 'beat/']) {
      await this.#remove([...(await readFacts(this.#control, prefix)).keys()].filter((key) => Number(key.slice(prefix.length).split('/')[0]) < generation));
    }
  }

  /** All at once: a backend may write them together. */
  async #remove(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#control.remove(key)));
  }

  async #published(): Promise<GenerationState | undefined> {
    const value = (await readFacts(this.#control, FactKey.generation)).get(FactKey.generation);
    return value && decodeFact<GenerationState>(value);
  }

  async #publish(state: GenerationState): Promise<void> {
    await this.#control.put(FactKey.generation, encodeFact(state));
  }

  /** Another start was quicker. One of this run: waits until it says that the run goes on. One of another run: it is its turn. */
  async #waitForOther(known: number): Promise<GenerationState> {
    const { plan, runId, clock } = this.#options;
    let settle: (state: GenerationState | undefined) => void;
    const published = new Promise<GenerationState | undefined>((resolve) => {
      settle = resolve;
    });
    const timer = clock.after(JOIN_TIMEOUT_MS, () => settle(undefined));
    const follower = await this.#control.follow(FactKey.generation, (_key, value) => {
      const state = value && decodeFact<GenerationState>(value);
      if (state !== undefined && (state.runId === runId || state.number > known)) settle(state);
    });
    try {
      const state = await published;
      if (state === undefined) throw new MillraceError('MILLRACE_TIMEOUT', `another start of ${plan.pipeline} with run id ${runId} has not finished starting in ${JOIN_TIMEOUT_MS} ms`, { retriable: true });
      if (state.runId !== runId) throw this.#overtaken();
      return state;
    } finally {
      timer.cancel();
      await follower.close();
    }
  }

  #overtaken(cause?: Error): MillraceError {
    const { plan } = this.#options;
    return new MillraceError('MILLRACE_FENCED', `another start of ${plan.pipeline} at ${plan.location} came in between; this one gives way`, { cause });
  }

  async #locked<T>(work: (session: Session, state: GenerationState | undefined) => Promise<T>): Promise<T> {
    const session = await openToFence(this.#options.transport, this.#options.plan.pipeline);
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
}
