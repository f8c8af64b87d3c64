import type { Entry } from './entry.js';

/** What a user may ask of {@link InputPort.retrieveEntries}. */
export interface EntryOptions {
  /** Also give records without a value, as entries whose value is `null`. Default false: they are passed over and counted. */
  readonly tombstones?: boolean;
}

/**
 * Where records come in. Declared with `@input(codec)` on a field of an operator; there from `onInit` on.
 *
 * A retrieved record counts as processed when the step that retrieved it ends without a throw; then the next commit covers it.
 */
export abstract class InputPort<in out T> implements AsyncIterable<readonly T[]> {
  declare readonly '~record': (value: T) => T;

  /**
   * What is there, maybe nothing: never waits. Values are shared by reference with whoever else has them, so do not change them.
   * @throws MillraceError `MILLRACE_UNDECODABLE` where the port's policy is `fail`; `MILLRACE_PORT_CLOSED`
   */
  abstract retrieve(): readonly T[];
  /** As {@link retrieve}, with key, headers, timestamp, partition and offset. */
  abstract retrieveEntries(options?: EntryOptions & { readonly tombstones?: false }): readonly Entry<T>[];
  abstract retrieveEntries(options: EntryOptions & { readonly tombstones: true }): readonly Entry<T | null>[];
  /**
   * Waits for batches, in a loop inside `onRunning`: `for await (const batch of this.orders)`. Several loops may run at once;
   * whenever all of them wait for their next batch the runtime may commit and tick, and while a commit is due none gets one. So
   * code in one loop must not wait for another one that runs beside it; a loop in the body of another one is fine. An error is
   * best thrown at once: what is awaited before, while other loops run, may let a commit pass. Ends when the input has ended or
   * the run stops.
   */
  abstract [Symbol.asyncIterator](): AsyncIterator<readonly T[]>;
  /**
   * Keeps the committed position of a partition at or below `offset`, for an operator that holds records across steps: after a
   * restart they come again. `Infinity` lets go. The last call counts.
   */
  abstract retainFrom(partition: number, offset: number): void;
  /** True once every writer is done and every record was retrieved; nothing will come any more in this run. */
  abstract readonly ended: boolean;
  /** The partitions that this replica reads. */
  abstract readonly partitions: readonly number[];
}
