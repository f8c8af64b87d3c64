import { MillraceError, type ChannelReader, type Offsets, type ReaderOptions, type RecordBatch } from '@millrace/core';
import type { Channel, Group, Partition } from './channel.js';
import type { SkeletonSession } from './session.js';

/** A reader's place in a partition. */
interface Cursor {
  readonly index: number;
  readonly partition: Partition;
  /** The next offset to read. */
  at: number;
  paused: boolean;
}

export class SkeletonReader implements ChannelReader {
  readonly group: string;
  readonly partitions: readonly number[];
  readonly #group: Group;
  readonly #cursors: readonly Cursor[];
  #turn = 0;

  constructor(
    private readonly session: SkeletonSession,
    private readonly source: Channel,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    this.#group = source.group(options.group);
    this.#cursors = this.partitions.map((index) => ({ index, partition: source.partition(index), at: source.place(this.#group, index, options.start), paused: false }));
    for (const { partition } of this.#cursors) partition.wakes.add(session.wake);
  }

  get channel(): string {
    return this.source.name;
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    this.#check();
    for (const cursor of this.#cursors) cursor.at = this.source.place(this.#group, cursor.index, this.options.start);
    return new Map(this.#cursors.map(({ index, at }) => [index, at]));
  }

  readRecords(): RecordBatch | undefined {
    this.#check();
    for (let tried = 0; tried < this.#cursors.length; tried++) {
      const cursor = this.#cursors[this.#turn++ % this.#cursors.length];
      const batch = cursor === undefined || cursor.paused ? undefined : cursor.partition.read(Math.max(cursor.at, cursor.partition.start));
      if (cursor === undefined || batch === undefined) continue;
      cursor.at = batch.next;
      return batch;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.#check();
    return this.#cursors.some((cursor) => !cursor.paused && cursor.at < cursor.partition.end);
  }

  async endOffsets(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ index, partition }) => [index, partition.end]));
  }

  async getConsumerLag(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ index, partition, at }) => [index, Math.max(0, partition.end - Math.max(at, partition.start))]));
  }

  pause(partitions: readonly number[]): void {
    for (const index of partitions) this.#cursor(index).paused = true;
  }

  resume(partitions: readonly number[]): void {
    for (const index of partitions) this.#cursor(index).paused = false;
    this.session.wake();
  }

  seek(partition: number, offset: number): void {
    const cursor = this.#cursor(partition);
    cursor.at = Math.max(offset, cursor.partition.start);
    this.session.wake();
  }

  /** Refuses positions that cannot be committed, before any of the commit counts. */
  verify(offsets: Offsets): void {
    this.source.check();
    for (const [index, offset] of offsets) {
      const { end } = this.#cursor(index).partition;
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > end) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${end}`, { channel: this.channel, partition: index, offset });
    }
  }

  move(offsets: Offsets): void {
    for (const [index, offset] of offsets) this.#group.committed[index] = offset;
    this.source.trim();
  }

  close(): void {
    for (const { partition } of this.#cursors) partition.wakes.delete(this.session.wake);
  }

  #cursor(index: number): Cursor {
    const cursor = this.#cursors.find((each) => each.index === index);
    if (cursor !== undefined) return cursor;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `partition ${index} of channel ${this.channel} is not read here`, { channel: this.channel, partition: index });
  }

  #check(): void {
    this.session.check();
    this.source.check();
  }
}
