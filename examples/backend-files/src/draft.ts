import { rm } from 'node:fs/promises';
import type { Catalog, Change } from './catalog.js';
import type { Channel } from './channel.js';
import type { Partition } from './partition.js';

/** What is changed together: in memory at once, on the disk when the store writes it, and seen by others after that. */
export class Draft {
  readonly #changes: Change[] = [];
  readonly #written = new Map<Partition, Channel>();
  readonly #afterwards: (() => void | Promise<void>)[] = [];

  constructor(private readonly catalog: Catalog) {}

  record(...changes: readonly Change[]): void {
    for (const change of changes) {
      this.catalog.apply(change);
      this.#changes.push(change);
    }
  }

  /** @returns the offset after the frame */
  append(channel: Channel, index: number, frame: Buffer): number {
    const partition = channel.partition(index);
    this.#written.set(partition, channel);
    return partition.append(frame);
  }

  /** Lets go of records that every group has read. */
  expire(channel: Channel): void {
    for (const { partition, path } of channel.expire()) {
      this.#changes.push({ do: 'start', channel: channel.name, partition: partition.index, start: partition.start });
      this.afterwards(() => rm(path));
    }
  }

  /** What is done once the changes are on the disk. */
  afterwards(action: () => void | Promise<void>): void {
    this.#afterwards.push(action);
  }

  /** Stores the records, then the changes: they decide what of the records counts. */
  async write(segmentBytes: number, commit: (changes: readonly Change[]) => Promise<void>): Promise<void> {
    const changes = [...this.#changes];
    for (const [partition, channel] of this.#written) {
      if (channel.isDeleted) continue;
      await partition.write(segmentBytes);
      changes.push(...partition.changes(channel.name));
    }
    if (changes.length > 0) await commit(changes);
    for (const [partition, channel] of this.#written) if (!channel.isDeleted) partition.publish();
    for (const action of this.#afterwards) await action();
  }
}
