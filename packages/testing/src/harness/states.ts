import { MillraceError, StateStore, stateKey, type OperatorPlan, type PartitionState, type StateChanges, type StateMetadata } from '@millrace/core';

type Stored = ReadonlyMap<string, Uint8Array>;

/** Reads and writes the state of an operator as a test sees it: plain values by field, or by field and partition. */
export class States {
  readonly #operator: OperatorPlan;
  readonly #replica: string;
  readonly #partitions: readonly number[];

  /** @param partitions input partitions of the replica */
  constructor(operator: OperatorPlan, replica: string, partitions: readonly number[]) {
    this.#operator = operator;
    this.#replica = replica;
    this.#partitions = partitions;
  }

  /** Every value as stored, or its default. */
  read(stored: Stored): Record<string, unknown> {
    return this.#pick(this.#store(stored).fields, () => true);
  }

  /** The values that a commit wrote. */
  changed(changes: StateChanges): Record<string, unknown> {
    const written = new Map([...changes].filter((change): change is [string, Uint8Array] => change[1] !== undefined));
    return this.#pick(this.#store(written).fields, (key) => written.has(key));
  }

  /** Whether a commit said that the replica is done. */
  isDone(stored: Stored): boolean {
    return this.#store(stored).store.done;
  }

  /**
   * What to store, so that an operator begins with these values.
   * @throws MillraceError `MILLRACE_STATE_INVALID`
   */
  encode(values: Readonly<Record<string, unknown>>): StateChanges {
    const { store, fields } = this.#store(new Map());
    for (const [name, value] of Object.entries(values)) {
      const state = this.#operator.states.find((each) => each.name === name);
      if (state === undefined) throw new MillraceError('MILLRACE_STATE_INVALID', `${this.#replica} has no state ${name}; its states are ${this.#operator.states.map((each) => each.name).join(', ') || 'none'}`, { operator: this.#replica });
      if (state.per === 'replica') fields[name] = value;
      else for (const [partition, each] of Object.entries(value as object)) (fields[name] as PartitionState<unknown>).set(Number(partition), each);
    }
    return store.changes(false) ?? new Map();
  }

  #store(stored: Stored): { readonly store: StateStore; readonly fields: Record<string, unknown> } {
    const store = new StateStore({ replica: this.#replica, states: this.#operator.states, stored, partitions: () => this.#partitions, limit: Infinity });
    const fields: Record<string, unknown> = {};
    store.restore(fields);
    return { store, fields };
  }

  #pick(fields: Readonly<Record<string, unknown>>, wanted: (key: string) => boolean): Record<string, unknown> {
    const picked: Record<string, unknown> = {};
    for (const { name, per } of this.#operator.states) {
      const value = per === 'replica' ? this.#one(fields[name], name, wanted) : this.#each(fields[name] as PartitionState<unknown>, name, wanted);
      if (value !== undefined) picked[name] = value;
    }
    return picked;
  }

  #one(value: unknown, name: StateMetadata['name'], wanted: (key: string) => boolean): unknown {
    return wanted(stateKey(name)) ? value : undefined;
  }

  #each(state: PartitionState<unknown>, name: StateMetadata['name'], wanted: (key: string) => boolean): Record<number, unknown> | undefined {
    const partitions = state.partitions.filter((partition) => wanted(stateKey(name, partition)));
    return partitions.length === 0 ? undefined : Object.fromEntries(partitions.map((partition) => [partition, state.get(partition)]));
  }
}
