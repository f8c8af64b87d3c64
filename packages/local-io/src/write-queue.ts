import { failPoint, MillraceError, toError } from '@millrace/core';
import type { Database, Key } from './database.js';
import type { Gate } from './gate.js';

/**
 * Something to be written in one atom.
 *
 * Most changes are written under conditions: versions of what they were worked out from, which LMDB compares in its own thread
 * while it holds the lock that all processes share. So nobody holds that lock while JavaScript is busy elsewhere. Where a
 * condition fails, the change is worked out anew.
 */
export interface Change {
  /**
   * Works the change out and writes it, all of it before it returns. Nothing may be written before all that can throw is done.
   * @param overlay what earlier changes of the same transaction set, by key
   * @returns whether the conditions held, known once the transaction is through
   * @throws what makes the change impossible; then it is given up with that error
   */
  write(overlay: Map<string, unknown>): Promise<boolean>;
  /** The change reads more than its conditions name: it is written with the lock held. */
  readonly exclusive?: boolean;
}

interface Waiting {
  readonly change: Change;
  attempts: number;
  resolve(): void;
  reject(error: Error): void;
}

/** After so many vain attempts a change is written with the lock held, so that it gets through in spite of others. */
const ATTEMPTS = 3;

/** Writes changes in groups: what comes while one transaction is on its way to the disk goes with the next. */
export class WriteQueue {
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(
    private readonly db: Database,
    private readonly gate: Gate,
  ) {}

  /**
   * Resolves once the change is durable.
   * @throws MillraceError `MILLRACE_STORAGE_FAILED` where the disk did not take it; what the change throws
   */
  submit(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, attempts: 0, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when all that was submitted is settled. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // What is submitted in the same turn goes into the same transaction.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const isAlone = isExclusive(first);
      const until = isAlone ? 1 : this.#waiting.findIndex(isExclusive);
      const group = this.#waiting.splice(0, until === -1 ? this.#waiting.length : until);
      try {
        const opening = this.gate.enter();
        if (opening !== undefined) await opening;
        try {
          await (isAlone ? this.#exclusively(first) : this.#together(group));
        } finally {
          this.gate.leave();
        }
      } catch (error) {
        const failure = await storageFailed(error);
        for (const waiting of group) waiting.reject(failure);
      }
    }
    this.#running = undefined;
  }

  async #together(group: readonly Waiting[]): Promise<void> {
    this.db.root.resetReadTxn();
    const overlay = new Map<string, unknown>();
    const outcomes: Promise<boolean>[] = [];
    const written = this.db.root.batch(() => {
      for (const { change } of group) {
        try {
          outcomes.push(change.write(overlay));
        } catch (error) {
          outcomes.push(Promise.reject(toError(error)));
        }
      }
    });
    failPoint('before-ack');
    const [stored, ...results] = await Promise.allSettled([written, ...outcomes]);
    const failure = stored.status === 'rejected' ? await storageFailed(stored.reason) : undefined;
    const again: Waiting[] = [];
    for (const [i, waiting] of group.entries()) {
      const result = results[i];
      if (result?.status === 'rejected') waiting.reject(MillraceError.is(result.reason) ? result.reason : await storageFailed(result.reason));
      else if (failure !== undefined) waiting.reject(failure);
      else if (result?.value === true) waiting.resolve();
      else again.push(waiting);
    }
    for (const waiting of again) waiting.attempts++;
    this.#waiting.unshift(...again);
  }

  async #exclusively(waiting: Waiting): Promise<void> {
    try {
      let held = Promise.resolve(false);
      // The callback is synchronous: for as long as it lasts, whoever reads sees what is not committed.
      await this.db.root.transaction(() => {
        held = waiting.change.write(new Map());
      });
      if (await held) waiting.resolve();
      else waiting.reject(new MillraceError('MILLRACE_STORAGE_FAILED', 'a write was given up, since its conditions do not hold although nobody else writes'));
    } catch (error) {
      waiting.reject(MillraceError.is(error) ? error : await storageFailed(error));
    }
  }
}

function isExclusive({ change, attempts }: Waiting): boolean {
  return change.exclusive === true || attempts >= ATTEMPTS;
}

/**
 * Writes where all versions are as given; for use in {@link Change.write}. An entry that is not there has no version, and
 * fails its condition; `null`, for the first condition only, asks that it is not there.
 * @returns whether they were
 */
export function writeWhere(db: Database, conditions: readonly (readonly [key: Key, version: number | null])[], write: () => void): Promise<boolean> {
  let outcome: Promise<boolean> | undefined;
  const nest = (depth: number): void => {
    const condition = conditions[depth];
    if (condition === undefined) return write();
    const [key, version] = condition;
    // A rejection comes with the transaction's own.
    const held = version === null ? db.meta.ifNoExists(key, () => nest(depth + 1)) : db.meta.ifVersion(key, version, () => nest(depth + 1));
    held.catch(() => undefined);
    // The innermost comes first. Where the lock is held, what is behind a failed condition is not called at all.
    outcome ??= held;
  };
  nest(0);
  return outcome ?? Promise.resolve(false);
}

/** LMDB rejects a write with an error that has the reason in a promise. */
async function storageFailed(error: unknown): Promise<MillraceError> {
  const { commitError } = error as { commitError?: Promise<never> };
  const cause: unknown = commitError === undefined ? error : await commitError.catch((reason: unknown) => reason);
  return new MillraceError('MILLRACE_STORAGE_FAILED', `a transaction could not be stored, and nothing of it counts: ${cause instanceof Error ? cause.message : String(cause)}; where the disk is full, make room and go on`, { cause, retriable: true });
}
