import { replicaName, toError, type OperatorPlan, type Plan, type ReplicaOutcome } from '@millrace/core';
import { refused } from '../rescaling/rescalable.js';
import type { PastCounters } from './counters.js';
import type { SupervisedReplica, SupervisorEvents } from './supervised-replica.js';

export interface ReplicaSetOptions {
  readonly plan: Plan;
  readonly operator: OperatorPlan;
  readonly events: SupervisorEvents;
  readonly create: (operator: OperatorPlan, index: number, past: PastCounters | undefined) => SupervisedReplica;
  /** Hands the work of replicas that have ended to as many as the operator is to have. Absent: nothing runs. */
  readonly handOver?: (operator: OperatorPlan, before: number) => Promise<void>;
  /** Whether every one of these has told the others that it is done. */
  readonly areDone: (replicas: readonly string[]) => Promise<boolean>;
}

/** A rescale that was asked for. */
interface Asked {
  readonly operator: OperatorPlan;
  readonly settle: (error?: Error) => void;
}

/** The replicas of one operator that a start runs, as many as there are at the time. */
export class ReplicaSet {
  readonly #o: ReplicaSetOptions;
  readonly #past = new Map<string, PastCounters>();
  #operator: OperatorPlan;
  #replicas: readonly SupervisedReplica[];
  #asked: Asked | undefined;
  #stop: 'none' | 'drain' | 'stop' = 'none';
  #hasEnded = false;

  constructor(options: ReplicaSetOptions) {
    this.#o = options;
    this.#operator = options.operator;
    this.#replicas = this.#create(options.operator);
  }

  get operator(): string {
    return this.#operator.name;
  }

  get replicas(): readonly SupervisedReplica[] {
    return this.#replicas;
  }

  /** Lives of all its replicas, over every rescale. Never rejects. */
  async run(): Promise<readonly ReplicaOutcome[]> {
    for (;;) {
      const outcomes = await Promise.all(this.#replicas.map((replica) => replica.run()));
      if (this.#asked === undefined || !(await this.#answer(this.#asked, outcomes))) {
        this.#hasEnded = true;
        return outcomes;
      }
    }
  }

  interrupt(kind: 'drain' | 'stop', signal: string | undefined): void {
    if (this.#stop !== 'stop') this.#stop = kind;
    for (const replica of this.#replicas) replica.interrupt(kind, signal);
  }

  /**
   * Goes over to other replicas: those that run end after the step in hand, the others begin where these committed last.
   * @param operator with the replicas that it is to have
   * @returns once they begin
   * @throws MillraceError `MILLRACE_RESCALE_REFUSED` where the operator was done, or the run ended, before; what kept the work
   * from being handed over, which fails the run
   */
  rescale(operator: OperatorPlan): Promise<void> {
    if (this.#hasEnded) return Promise.reject(this.#refused('is done'));
    return new Promise((resolve, reject) => {
      this.#asked = { operator, settle: (error) => (error === undefined ? resolve() : reject(error)) };
      for (const replica of this.#replicas) replica.leave('rescale');
    });
  }

  /** Whether there are replicas to run after it. */
  async #answer({ operator, settle }: Asked, outcomes: readonly ReplicaOutcome[]): Promise<boolean> {
    this.#asked = undefined;
    const isDone = ({ reason }: ReplicaOutcome): boolean => reason === 'done';
    if (this.#o.handOver === undefined || this.#stop === 'stop' || outcomes.some(({ error }) => error !== undefined)) {
      settle(this.#refused('has ended, since the run ends'));
      return false;
    }
    try {
      const isOver = outcomes.every(isDone) || (await this.#o.areDone(this.#replicas.map(({ name }) => name)));
      if (!isOver) await this.#o.handOver(operator, this.#operator.replicas);
      const goesOn = !isOver || !outcomes.every(isDone);
      // Who was lost after it had told that it was done closes once more.
      if (goesOn) this.#begin(isOver ? this.#operator : operator);
      settle(isOver ? this.#refused('is done') : undefined);
      return goesOn;
    } catch (thrown) {
      const error = toError(thrown, 'the rescale');
      this.#o.events.error(`${this.#o.plan.pipeline}.${this.operator}`, error, 'rescale', true);
      settle(error);
      return false;
    }
  }

  #begin(operator: OperatorPlan): void {
    for (const replica of this.#replicas) this.#past.set(replica.name, replica.retire());
    this.#operator = operator;
    this.#replicas = this.#create(operator);
    if (this.#stop !== 'none') for (const replica of this.#replicas) replica.interrupt(this.#stop, undefined);
  }

  #create(operator: OperatorPlan): readonly SupervisedReplica[] {
    const { plan, create } = this.#o;
    return Array.from({ length: operator.replicas }, (_, index) => index).filter((index) => plan.selected(operator.name, index)).map((index) => create(operator, index, this.#past.get(replicaName(plan.pipeline, operator.name, index))));
  }

  #refused(why: string): Error {
    const name = `${this.#o.plan.pipeline}.${this.operator}`;
    return refused(name, `${name} keeps its ${this.#operator.replicas}: it ${why}`);
  }
}
