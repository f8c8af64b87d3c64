import { failPoint, MillraceError, type ChannelReader, type Offsets, type ReaderOptions, type RecordBatch } from '@millrace/core';
import { FrameBatch, type StoredFrame } from './frame.js';
import { fact, keys, type ChannelFact } from './layout.js';
import { offsetAt, readFrames } from './log.js';
import { unknownChannel } from './resources.js';
import type { LocalStore } from './store.js';

/** What a reader needs of its session. */
export interface ReaderHost {
  /** Throws where the session can do nothing more. */
  check(): void;
  wake(): void;
}

/** A reader's place in a partition. */
class Cursor {
  at = 0;
  /** The end as it was known last. */
  end = 0;
  start = 0;
  paused = false;
  /** Read ahead, the next one last. */
  ahead: StoredFrame[] = [];

  constructor(readonly partition: number) {}

  /** Whether there is something to read, paused or not. What others committed past may be gone, unread. */
  get behind(): boolean {
    return Math.max(this.at, this.start) < this.end;
  }
}

export class LocalReader implements ChannelReader {
  readonly group: string;
  readonly partitions: readonly number[];
  readonly #cursors: readonly Cursor[];
  readonly #look = (): void => this.#lookAgain();
  #turn = 0;
  #deleted = false;

  constructor(
    readonly host: ReaderHost,
    private readonly store: LocalStore,
    readonly channel: string,
    readonly source: ChannelFact,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    for (const partition of this.partitions) {
      if (partition >= 0 && partition < source.partitions) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${channel} has the partitions 0 to ${source.partitions - 1}, no ${partition}`, { channel, partition });
    }
    this.#cursors = this.partitions.map((partition) => new Cursor(partition));
    store.listen(source.id, this.#look);
    store.refresh();
    for (const cursor of this.#cursors) {
      this.#update(cursor);
      cursor.at = cursor.start;
    }
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    this.#check();
    failPoint('after-fence');
    const { layout, db } = this.store;
    const { id } = this.source;
    const offsets = new Map<number, number>();
    await this.store.write({
      exclusive: true,
      write: () => {
        for (const { partition } of this.#cursors) {
          const start = layout.start(id, partition)?.value.start;
          const end = layout.end(id, partition)?.end;
          if (start === undefined || end === undefined) throw unknownChannel(this.channel);
          const position = layout.position(id, partition, this.group);
          if (position?.committed === true) {
            offsets.set(partition, Math.max(position.at, start));
            continue;
          }
          // Kept, so that what the group has still to read stays although it has committed nothing.
          const at = this.#first(partition, start, end);
          offsets.set(partition, at);
          if (position?.at !== at) void db.meta.put(keys.position(id, partition, this.group), fact({ at, committed: false }), 0);
        }
        return Promise.resolve(true);
      },
    }, []);
    this.#check();
    this.store.refresh();
    for (const cursor of this.#cursors) {
      this.#update(cursor);
      cursor.at = offsets.get(cursor.partition) ?? cursor.start;
      cursor.ahead = [];
    }
    return offsets;
  }

  readRecords(): RecordBatch | undefined {
    this.#check();
    const cursors = this.#cursors;
    for (let tried = 0; tried < cursors.length; tried++) {
      const cursor = cursors[this.#turn];
      this.#turn = this.#turn + 1 === cursors.length ? 0 : this.#turn + 1;
      if (cursor === undefined || cursor.paused || !cursor.behind) continue;
      const batch = this.#next(cursor);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.#check();
    return this.#cursors.some((cursor) => !cursor.paused && cursor.behind);
  }

  async endOffsets(): Promise<Offsets> {
    this.#ask();
    return new Map(this.#cursors.map(({ partition, end }) => [partition, end]));
  }

  async getConsumerLag(): Promise<Offsets> {
    this.#ask();
    return new Map(this.#cursors.map(({ partition, start, end, at }) => [partition, Math.max(0, end - Math.max(at, start))]));
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#cursor(partition).paused = true;
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const cursor = this.#cursor(partition);
      cursor.paused = false;
      if (cursor.behind) this.host.wake();
    }
  }

  seek(partition: number, offset: number): void {
    const cursor = this.#cursor(partition);
    cursor.at = Math.max(offset, cursor.start);
    cursor.ahead = [];
    if (cursor.behind) this.host.wake();
  }

  /** Refuses positions that this reader cannot commit. */
  verify(offsets: Offsets): void {
    for (const [partition, offset] of offsets) {
      const cursor = this.#cursor(partition);
      if (offset > cursor.end) this.#ask();
      if (Number.isSafeInteger(offset) && offset >= 0 && offset <= cursor.end) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${cursor.end}`, { channel: this.channel, partition, offset });
    }
  }

  close(): void {
    this.store.unlisten(this.source.id, this.#look);
    for (const cursor of this.#cursors) cursor.ahead = [];
  }

  #next(cursor: Cursor): RecordBatch | undefined {
    const at = Math.max(cursor.at, cursor.start);
    let frame = cursor.ahead.pop();
    // Others may have committed past what was read ahead.
    while (frame !== undefined && frame.next <= at) frame = cursor.ahead.pop();
    if (frame === undefined) {
      cursor.ahead = readFrames(this.store, this.source.id, cursor.partition, at).reverse();
      frame = cursor.ahead.pop();
    }
    if (frame === undefined) {
      // Others have committed past what was here, and it is gone.
      this.store.refresh();
      this.#update(cursor);
      if (cursor.at < cursor.start) cursor.at = cursor.start;
      if (cursor.behind) this.host.wake();
      return undefined;
    }
    const from = frame.indexOf(at);
    cursor.at = frame.next;
    cursor.end = Math.max(cursor.end, frame.next);
    return new FrameBatch(cursor.partition, frame, from);
  }

  /** Where a group without a committed position begins. */
  #first(partition: number, start: number, end: number): number {
    if (this.options.start === 'earliest') return start;
    return this.options.start === 'latest' ? end : offsetAt(this.store, this.source.id, partition, start, end, this.options.start);
  }

  #update(cursor: Cursor): void {
    const end = this.store.layout.end(this.source.id, cursor.partition)?.end;
    const start = this.store.layout.start(this.source.id, cursor.partition)?.value.start;
    if (end === undefined || start === undefined) {
      this.#deleted = true;
      return;
    }
    cursor.end = end;
    cursor.start = start;
  }

  #lookAgain(): void {
    if (this.#deleted) return;
    let news = false;
    for (const cursor of this.#cursors) {
      const { end } = cursor;
      this.#update(cursor);
      news ||= cursor.end > end;
    }
    if (news || this.#isDeleted()) this.host.wake();
  }

  /** Looks at what is committed at this moment. */
  #ask(): void {
    this.#check();
    this.store.refresh();
    this.#lookAgain();
    this.#check();
  }

  #isDeleted(): boolean {
    return this.#deleted;
  }

  #cursor(partition: number): Cursor {
    const cursor = this.#cursors.find((each) => each.partition === partition);
    if (cursor !== undefined) return cursor;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `partition ${partition} of channel ${this.channel} is not read here`, { channel: this.channel, partition });
  }

  #check(): void {
    this.host.check();
    if (this.#deleted) throw unknownChannel(this.channel);
  }
}
