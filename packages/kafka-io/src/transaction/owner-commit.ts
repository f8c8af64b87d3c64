import type { OffsetToCommit, TopicPartition } from '../client/index.js';

/** What makes the commits of one owner last, one after the other. */
export interface OwnerCommit {
  /** Makes partitions part of the open commit; the first call after the last one tells whether the owner is still who it was. */
  join(partitions: readonly TopicPartition[]): Promise<void>;
  /** Makes the positions of a group part of it. */
  addGroup(group: string): Promise<void>;
  /** Writes positions of a group that was added; they count with {@link commit}. */
  commitOffsets(group: string, offsets: readonly OffsetToCommit[]): Promise<void>;
  commit(): Promise<void>;
  /** From now on nothing is tried again, except an abort; what waits to be tried rejects with the error. */
  stop(error: Error): void;
  /**
   * Gives up what is open, so that nobody waits for it.
   * @param patience ms for which it is tried; default: some moments, also where all else was stopped
   */
  abort(patience?: number): Promise<void>;
}
