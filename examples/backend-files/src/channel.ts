import { MillraceError, type ChannelDescription, type ReaderOptions, type Retention } from '@millrace/core';
import { join } from 'node:path';
import type { Change } from './catalog.js';
import { Partition } from './partition.js';

/** A reading group's place in each partition. */
export class Group {
  /** Undefined: none yet. */
  readonly committed: (number | undefined)[] = [];
  /** Where its readers began, as long as nothing is committed. */
  readonly placed: number[] = [];

  /** The next offset that it still needs. */
  position(partition: number): number {
    return this.committed[partition] ?? this.placed[partition] ?? 0;
  }
}

export class Channel {
  readonly partitions: readonly Partition[];
  /** The folder of its segments. Named by a number, so that any name will do for a channel. */
  readonly path: string;
  readonly #groups = new Map<string, Group>();
  #deleted = false;

  constructor(
    folder: string,
    readonly id: number,
    readonly name: string,
    partitions: number,
    private readonly retention: Retention,
  ) {
    this.path = join(folder, 'channels', String(id));
    this.partitions = Array.from({ length: partitions }, (_, index) => new Partition(join(this.path, String(index)), index));
  }

  get isDeleted(): boolean {
    return this.#deleted;
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` once it is deleted */
  check(): void {
    if (this.#deleted) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `channel ${this.name} was deleted`, { channel: this.name });
  }

  /** Ends it for whoever still has it; its files are for the caller to remove. */
  delete(): void {
    this.#deleted = true;
    for (const { cursors } of this.partitions) for (const cursor of cursors) cursor.wake();
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_MISMATCH` */
  partition(index: number): Partition {
    const partition = this.partitions[index];
    if (partition !== undefined) return partition;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.name} has ${this.partitions.length} partitions, so no ${index}`, { channel: this.name, partition: index });
  }

  /** Whether a group has committed positions. */
  knows(group: string): boolean {
    return (this.#groups.get(group)?.committed.length ?? 0) > 0;
  }

  group(name: string): Group {
    const group = this.#groups.get(name) ?? new Group();
    this.#groups.set(name, group);
    return group;
  }

  /** Where a reader of a group begins. */
  async place(group: Group, index: number, start: ReaderOptions['start']): Promise<number> {
    const partition = this.partition(index);
    if (group.committed[index] === undefined) {
      group.placed[index] = partition.start;
      group.placed[index] = start === 'earliest' ? partition.start : start === 'latest' ? partition.end : await partition.offsetAt(start);
    }
    return Math.max(group.position(index), partition.start);
  }

  /** Segments that every group has committed past, as far as the retention allows, and the start that is left. Where nobody reads, all stay. */
  expire(): readonly { readonly partition: Partition; readonly path: string }[] {
    if (this.#groups.size === 0) return [];
    return this.partitions.flatMap((partition, index) => {
      const consumed = Math.min(...Array.from(this.#groups.values(), (group) => group.position(index)));
      return partition.expire(consumed, this.retention).map((path) => ({ partition, path }));
    });
  }

  *changes(): Iterable<Change> {
    const { id, name, retention } = this;
    yield { do: 'channel', id, name, partitions: this.partitions.length, retention };
    for (const partition of this.partitions) yield* partition.changes(name);
    for (const [group, { committed }] of this.#groups) {
      for (const [partition, at] of committed.entries()) if (at !== undefined) yield { do: 'position', channel: name, group, partition, at };
    }
  }

  describe(): ChannelDescription {
    const committed = ({ committed }: Group) => new Map([...committed.entries()].filter((entry): entry is [number, number] => entry[1] !== undefined));
    return {
      name: this.name,
      partitions: this.partitions.length,
      starts: new Map(this.partitions.map(({ start }, index) => [index, start])),
      ends: new Map(this.partitions.map(({ end }, index) => [index, end])),
      groups: new Map(Array.from(this.#groups, ([name, group]) => [name, committed(group)])),
    };
  }
}
