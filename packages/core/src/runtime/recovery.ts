import { MillraceError } from '../error/index.js';
import type { InputPlan } from '../plan/plan.js';
import type { Execution } from './execution.js';
import type { HookError } from './hook-error.js';
import type { Replay } from './replay.js';
import type { HandedRecord } from './step.js';

const LONGEST_BACKOFF_MS = 30_000;

/** What to do when a step throws: the policy of the port whose record was in hand. */
export class Recovery {
  readonly #replica: string;
  readonly #inputs: readonly InputPlan[];
  readonly #replay: Replay;
  #record: HandedRecord | undefined;

  constructor(replica: string, inputs: readonly InputPlan[], replay: Replay) {
    this.#replica = replica;
    this.#inputs = inputs;
    this.#replay = replay;
  }

  /**
   * Decides over a failure, and notes in the replay what to do differently.
   * @returns ms to wait before the replica is built anew; `undefined`: the failure is final
   */
  decide(failure: HookError, execution: Execution): number | undefined {
    const record = (this.#record = execution.step.single);
    if (failure.hook !== 'onRunning' || execution.failure !== undefined || isOfChannel(failure.cause)) return undefined;
    const pause = record === undefined ? this.#several(execution.step.ports) : this.#one(record, failure.cause);
    if (pause !== undefined) for (const [port, positions] of execution.positions()) this.#replay.begin(port, positions);
    return pause;
  }

  /** The failure as it is reported: with the place, and the operator's own error as its cause. */
  describe({ hook, cause }: HookError): Error {
    // That a field of a lazy record is damaged tells only with its place.
    if (MillraceError.is(cause) && cause.code !== 'MILLRACE_FIELD_UNDECODABLE') return cause;
    const record = hook === 'onRunning' ? this.#record : undefined;
    const at = record === undefined ? '' : ` at ${record.port}, partition ${record.partition}, offset ${record.offset}`;
    return new MillraceError(hook === 'onRunning' ? 'MILLRACE_STEP_FAILED' : 'MILLRACE_HOOK_FAILED', `${this.#replica}.${hook} failed${at}: ${cause.message}`, { operator: this.#replica, port: record?.port, partition: record?.partition, offset: record?.offset, cause });
  }

  #one(record: HandedRecord, cause: Error): number | undefined {
    const { retries, backoff, onError } = this.#inputs.find(({ name }) => name === record.port)!;
    const attempts = this.#replay.tried(record);
    if (attempts <= retries) return Math.min(backoff * 2 ** (attempts - 1), LONGEST_BACKOFF_MS);
    if (onError === 'fail') return undefined;
    this.#replay.giveUp(record, { policy: onError, cause, attempts });
    return 0;
  }

  /** One of several records is at fault: go back and take them one by one, unless that is what was done, or would not help. */
  #several(ports: readonly string[]): number | undefined {
    const isWorthwhile = ports.some((port) => {
      const { retries, onError } = this.#inputs.find(({ name }) => name === port)!;
      return retries > 0 || onError !== 'fail';
    });
    return isWorthwhile && !this.#replay.active ? 0 : undefined;
  }
}

/** An error that a record which cannot be read gave already: not the doing of the record in hand, and the same the next time. */
function isOfChannel(cause: Error): boolean {
  return MillraceError.is(cause) && OF_CHANNEL.has(cause.code);
}

const OF_CHANNEL: ReadonlySet<string> = new Set(['MILLRACE_UNDECODABLE', 'MILLRACE_SCHEMA_UNKNOWN', 'MILLRACE_SCHEMA_INCOMPATIBLE', 'MILLRACE_SCHEMA_INVALID', 'MILLRACE_SCHEMA_CLASH']);
