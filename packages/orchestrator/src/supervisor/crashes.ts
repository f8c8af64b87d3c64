import { decodeFact, encodeFact, FactKey, MillraceError, type Control, type CrashPoison, type HandedRecord, type InputPlan } from '@millrace/core';

/** What is known of a record that was in hand at a crash. */
interface Suspect {
  readonly record: HandedRecord;
  readonly crashes: number;
  /** What the last crash looked like. */
  readonly message: string;
}

/** The fact `crash/<owner>`. */
interface CrashFact {
  readonly suspects: readonly Suspect[];
}

/**
 * Fewer crashes say nothing of a record: somebody may have killed the process twice in the same moment of its life.
 */
const LEAST_CRASHES = 3;

/**
 * Crashes of one replica in a thread or process. After the first it comes back with a replay, in which it tells each record before
 * the operator is given it; the record that was told last at the crashes that follow goes the policy of its port, as after a step
 * that threw.
 */
export class Crashes {
  readonly #replica: string;
  readonly #inputs: readonly InputPlan[];
  readonly #control: Control;
  readonly #suspects = new Map<string, Suspect>();
  #hasCrashed = false;

  constructor(replica: string, inputs: readonly InputPlan[], control: Control) {
    this.#replica = replica;
    this.#inputs = inputs;
    this.#control = control;
  }

  /** Whether a record can be given up, or is to be tried so often, that a replay is worth its time. */
  get isWorthwhile(): boolean {
    return this.#inputs.some(({ onError, retries }) => onError !== 'fail' || retries > 0);
  }

  /** Goes on with what an earlier run knew: it may have ended over this. */
  async load(): Promise<void> {
    if (!this.isWorthwhile) return;
    const follower = await this.#control.follow(FactKey.crash(this.#replica), (key, value) => {
      if (key !== FactKey.crash(this.#replica) || value === undefined) return;
      for (const suspect of decodeFact<CrashFact>(value)?.suspects ?? []) this.#suspects.set(keyOf(suspect.record), suspect);
      this.#hasCrashed = true;
    });
    await follower.close();
  }

  /**
   * Notes a crash.
   * @param inHand the record that was told last; `undefined` where none was
   * @throws MillraceError `MILLRACE_STEP_FAILED` where the policy of the record's port is to fail
   */
  async note(inHand: HandedRecord | undefined, error: Error): Promise<void> {
    if (!this.isWorthwhile) return;
    this.#hasCrashed = true;
    if (inHand !== undefined) {
      const crashes = (this.#suspects.get(keyOf(inHand))?.crashes ?? 0) + 1;
      this.#suspects.set(keyOf(inHand), { record: inHand, crashes, message: error.message });
    }
    await this.#control.put(FactKey.crash(this.#replica), encodeFact({ suspects: [...this.#suspects.values()] } satisfies CrashFact));
    const { port, partition, offset } = inHand ?? { port: '', partition: 0, offset: 0 };
    const suspect = inHand && this.#suspects.get(keyOf(inHand));
    if (suspect === undefined || this.#policyOf(suspect) !== 'fail') return;
    throw new MillraceError('MILLRACE_STEP_FAILED', `${this.#replica} crashed ${suspect.crashes} times with the same record in hand, at ${port}, partition ${partition}, offset ${offset}; port option onError says what becomes of such a record`, { operator: this.#replica, port, partition, offset, cause: error });
  }

  /** How the replica is to come back: `undefined` as ever, else with a replay that passes over these records. */
  get poisons(): readonly CrashPoison[] | undefined {
    if (!this.#hasCrashed) return undefined;
    return [...this.#suspects.values()].flatMap((suspect): readonly CrashPoison[] => {
      const policy = this.#policyOf(suspect);
      return policy === undefined || policy === 'fail' ? [] : [{ record: suspect.record, policy, attempts: suspect.crashes, message: `the thread or process crashed ${suspect.crashes} times with this record in hand, last so: ${suspect.message}` }];
    });
  }

  /** The replica has ended well. */
  async forget(): Promise<void> {
    if (this.#hasCrashed) await this.#control.remove(FactKey.crash(this.#replica));
    this.#hasCrashed = false;
    this.#suspects.clear();
  }

  /** The policy that a record goes; `undefined` while it is to be tried again. */
  #policyOf({ record, crashes }: Suspect): InputPlan['onError'] | undefined {
    const input = this.#inputs.find(({ name }) => name === record.port);
    return input === undefined || crashes < Math.max(LEAST_CRASHES, input.retries + 1) ? undefined : input.onError;
  }
}

function keyOf({ port, partition, offset }: HandedRecord): string {
  return `${port}/${partition}/${offset}`;
}
