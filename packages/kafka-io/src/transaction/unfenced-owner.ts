import type { OffsetToCommit } from '../client/index.js';
import type { GroupPositions } from '../resources/group-positions.js';
import type { OwnerCommit } from './owner-commit.js';

/**
 * The commits of an owner on a cluster that forbids transactional ids: positions are written once the data is stored, as a group's
 * non-member. Nothing fences an earlier self that still runs, so records may double and positions go back.
 */
export class UnfencedOwner implements OwnerCommit {
  #pending: (readonly [group: string, offsets: readonly OffsetToCommit[]])[] = [];

  constructor(private readonly positions: GroupPositions) {}

  async join(): Promise<void> {}

  async addGroup(): Promise<void> {}

  async commitOffsets(group: string, offsets: readonly OffsetToCommit[]): Promise<void> {
    this.#pending.push([group, offsets]);
  }

  async commit(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await Promise.all(pending.map(([group, offsets]) => this.positions.commit(group, offsets)));
  }

  stop(): void {}

  async abort(): Promise<void> {
    this.#pending = [];
  }
}
