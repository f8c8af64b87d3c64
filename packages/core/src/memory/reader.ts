import type { ChannelReader, Offsets, ReaderOptions, RecordBatch } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';
import type { Cursor, Group, MemoryChannel } from './channel.js';
import type { PartitionLog } from './log.js';

/** Batches for which a commit that makes room is put off while there is more to read. */
const PUT_OFF = 16;

/** What a reader needs of its session. */
export interface ReaderHost {
  /** Throws where the session can do nothing more. */
  check(): void;
  wake(): void;
}

class ReaderCursor implements Cursor {
  at = 0;
  paused = false;

  constructor(
    private readonly reader: MemoryReader,
    readonly log: PartitionLog,
  ) {}

  get partition(): number {
    return this.log.partition;
  }

  get ahead(): boolean {
    return this.reader.ahead;
  }

  /** Whether there is something to read, paused or not. What others committed past may be gone, unread. */
  get behind(): boolean {
    return Math.max(this.at, this.log.start) < this.log.end;
  }

  wake(): void {
    this.reader.host.wake();
  }
}

export class MemoryReader implements ChannelReader {
  readonly group: string;
  readonly partitions: readonly number[];
  /** Whether something was read since the last commit, so that a commit may give writers room. */
  ahead = false;
  /** Batches read since then. */
  #taken = 0;
  readonly #cursors: readonly ReaderCursor[];
  readonly #group: Group;
  #turn = 0;

  constructor(
    readonly host: ReaderHost,
    readonly source: MemoryChannel,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    this.#cursors = this.partitions.map((partition) => new ReaderCursor(this, source.log(partition)));
    this.#group = source.join(options.group, options.start);
    this.#place();
    for (const cursor of this.#cursors) source.subscribe(cursor);
  }

  get channel(): string {
    return this.source.name;
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    this.#check();
    return this.#place();
  }

  readRecords(): RecordBatch | undefined {
    this.#check();
    const cursors = this.#cursors;
    for (let tried = 0; tried < cursors.length; tried++) {
      const cursor = cursors[this.#turn];
      this.#turn = this.#turn + 1 === cursors.length ? 0 : this.#turn + 1;
      if (cursor === undefined || cursor.paused || !cursor.behind) continue;
      const batch = cursor.log.read(cursor.at);
      if (batch === undefined) continue;
      cursor.at = batch.next;
      this.ahead = true;
      this.#taken++;
      return batch;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.#check();
    return this.#isBehind();
  }

  /** Whether its commit is to make room; not while there are some more batches that it may cover. */
  get standsInTheWay(): boolean {
    return this.ahead && this.source.fills && (this.#taken >= PUT_OFF || !this.#isBehind());
  }

  async endOffsets(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ partition, log }) => [partition, log.end]));
  }

  async getConsumerLag(): Promise<Offsets> {
    this.#check();
    return new Map(this.#cursors.map(({ partition, log, at }) => [partition, Math.max(0, log.end - Math.max(at, log.start))]));
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) this.#cursor(partition).paused = true;
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const cursor = this.#cursor(partition);
      cursor.paused = false;
      if (cursor.behind) cursor.wake();
    }
  }

  seek(partition: number, offset: number): void {
    const cursor = this.#cursor(partition);
    cursor.at = Math.max(offset, cursor.log.start);
    this.ahead = true;
    if (cursor.behind) cursor.wake();
  }

  /** Refuses positions that this reader cannot commit, before any of the commit counts. */
  verify(offsets: Offsets): void {
    this.source.check();
    for (const [partition, offset] of offsets) {
      const { end } = this.#cursor(partition).log;
      if (Number.isSafeInteger(offset) && offset >= 0 && offset <= end) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${end}`, { channel: this.channel, partition, offset });
    }
  }

  /** Moves the group to committed positions; {@link settle} follows. */
  move(offsets: Offsets): void {
    for (const [partition, offset] of offsets) this.#group.committed[partition] = offset;
    this.ahead = true;
  }

  /** What was read up to this commit counts against the bound of the channel no more, even if the positions stay behind. */
  settle(): void {
    if (!this.ahead) return;
    this.ahead = false;
    this.#taken = 0;
    const { released } = this.#group;
    for (const { partition, at } of this.#cursors) released[partition] = Math.max(released[partition] ?? 0, at);
    this.source.settle(this.partitions);
  }

  close(): void {
    for (const cursor of this.#cursors) this.source.unsubscribe(cursor);
  }

  #isBehind(): boolean {
    for (const cursor of this.#cursors) if (!cursor.paused && cursor.behind) return true;
    return false;
  }

  #place(): Offsets {
    const offsets = new Map<number, number>();
    for (const cursor of this.#cursors) {
      cursor.at = this.source.place(this.#group, cursor.partition, this.options.start);
      offsets.set(cursor.partition, cursor.at);
    }
    this.source.settle(this.partitions);
    return offsets;
  }

  #cursor(partition: number): ReaderCursor {
    const cursor = this.#cursors.find((each) => each.partition === partition);
    if (cursor !== undefined) return cursor;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `partition ${partition} of channel ${this.channel} is not read here`, { channel: this.channel, partition });
  }

  #check(): void {
    this.host.check();
    this.source.check();
  }
}
