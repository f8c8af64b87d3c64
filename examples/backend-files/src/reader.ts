import { MillraceError, type ChannelReader, type Offsets, type ReaderOptions, type RecordBatch } from '@millrace/core';
import type { Channel, Group } from './channel.js';
import { Cursor } from './cursor.js';
import type { Draft } from './draft.js';
import { storageFailed } from './files.js';
import type { FilesSession } from './session.js';

export class FilesReader implements ChannelReader {
  readonly group: string;
  readonly partitions: readonly number[];
  readonly #group: Group;
  readonly #cursors: readonly Cursor[];
  #turn = 0;

  constructor(
    private readonly session: FilesSession,
    readonly source: Channel,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    this.#group = source.group(options.group);
    this.#cursors = this.partitions.map((index) => new Cursor(source.partition(index), { wake: session.wake, fail: (error) => this.#fail(error) }));
  }

  get channel(): string {
    return this.source.name;
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    this.#check();
    for (const cursor of this.#cursors) cursor.moveTo(await this.source.place(this.#group, cursor.partition.index, this.options.start));
    return new Map(this.#cursors.map(({ partition, at }) => [partition.index, at]));
  }

  readRecords(): RecordBatch | undefined {
    this.#check();
    for (let tried = 0; tried < this.#cursors.length; tried++) {
      const cursor = this.#cursors[this.#turn % this.#cursors.length];
      const batch = cursor?.paused === false ? cursor.take() : undefined;
      // Its turn is waited for: what is fetched of others already would all come before it.
      if (batch === undefined && cursor?.isFetching === true && !cursor.paused) return undefined;
      this.#turn++;
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.#check();
    return this.#cursors.some((cursor) => !cursor.paused && cursor.behind);
  }

  async endOffsets(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ partition }) => [partition.index, partition.end]));
  }

  async getConsumerLag(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ partition, at }) => [partition.index, Math.max(0, partition.end - Math.max(at, partition.start))]));
  }

  pause(partitions: readonly number[]): void {
    for (const index of partitions) this.#cursor(index).paused = true;
  }

  resume(partitions: readonly number[]): void {
    for (const index of partitions) {
      const cursor = this.#cursor(index);
      cursor.paused = false;
      cursor.more();
    }
    this.session.wake();
  }

  seek(partition: number, offset: number): void {
    this.#cursor(partition).moveTo(offset);
  }

  /** Refuses positions that cannot be committed, before any of the commit counts. */
  verify(offsets: Offsets): void {
    this.source.check();
    for (const [index, offset] of offsets) {
      const { end } = this.#cursor(index).partition;
      if (!Number.isSafeInteger(offset) || offset < 0 || offset > end) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${end}`, { channel: this.channel, partition: index, offset });
    }
  }

  move(offsets: Offsets, draft: Draft): void {
    for (const [partition, at] of offsets) draft.record({ do: 'position', channel: this.channel, group: this.group, partition, at });
    draft.expire(this.source);
  }

  async close(): Promise<void> {
    await Promise.all(this.#cursors.map((cursor) => cursor.close()));
  }

  #cursor(index: number): Cursor {
    const cursor = this.#cursors.find(({ partition }) => partition.index === index);
    if (cursor !== undefined) return cursor;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `partition ${index} of channel ${this.channel} is not read here`, { channel: this.channel, partition: index });
  }

  #fail(error: unknown): void {
    // Its files go with it; who reads on is told so.
    if (this.source.isDeleted) return;
    this.session.fail(MillraceError.is(error) ? error : storageFailed(`channel ${this.channel} cannot be read`, error));
  }

  #check(): void {
    this.session.check();
    this.source.check();
  }
}
