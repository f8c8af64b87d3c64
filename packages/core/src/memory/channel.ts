import type { ChannelDescription, ChannelSpec, ReaderOptions, Retention } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';
import type { Bound } from './location.js';
import { PartitionLog } from './log.js';
import type { Records } from './segment.js';

/** Part of the bound: long before writers have to wait, and before the garbage collector has much to copy that is read already. */
const FILLS_AT = 1 / 4;

/** A reader's place in a partition, as its channel sees it. */
export interface Cursor {
  readonly partition: number;
  /** The next offset to read. */
  readonly at: number;
  /** Whether the reader read something since the last commit of its session, so that a commit may give writers room. */
  readonly ahead: boolean;
  wake(): void;
}

/** A reading group's place in each partition of a channel. */
export class Group {
  /** Committed positions; undefined: none yet. */
  readonly committed: (number | undefined)[];
  /** Where the group begins as long as it has committed nothing. */
  readonly placed: number[];
  /** How far its readers had read when their sessions committed. Never goes back. */
  readonly released: number[];

  constructor(starts: readonly number[]) {
    this.committed = starts.map(() => undefined);
    this.placed = [...starts];
    this.released = [...starts];
  }

  /** The next offset that the group still needs. */
  position(partition: number): number {
    return this.committed[partition] ?? this.placed[partition] ?? 0;
  }
}

interface Waiter {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

/** One channel of a space: its logs, its groups, who reads, and who waits for room. */
export class MemoryChannel {
  readonly logs: readonly PartitionLog[];
  readonly groups = new Map<string, Group>();
  readonly #cursors: Cursor[][];
  #waiters = new Map<object, Waiter>();
  readonly #weighs: boolean;
  readonly #compact: boolean;
  #heldRecords = 0;
  #heldBytes = 0;
  #deleted = false;

  readonly name: string;
  readonly retention: Retention | undefined;

  constructor(
    spec: ChannelSpec,
    readonly bound: Bound,
  ) {
    this.name = spec.name;
    this.retention = spec.retention;
    this.#compact = spec.retention?.compact === true;
    this.#weighs = bound.bytes !== Infinity || spec.retention?.bytes !== undefined;
    this.logs = Array.from({ length: spec.partitions }, (_, partition) => new PartitionLog(partition, this.#weighs));
    this.#cursors = this.logs.map(() => []);
    for (const group of spec.groups ?? []) this.register(group);
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` once the channel is deleted. */
  check(): void {
    if (this.#deleted) throw unknownChannel(this.name);
  }

  /** The log of a partition. @throws MillraceError `MILLRACE_CHANNEL_MISMATCH` where the channel has no such partition. */
  log(partition: number): PartitionLog {
    const log = this.logs[partition];
    if (log === undefined) {
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.name} has the partitions 0 to ${this.logs.length - 1}, no ${partition}`, { channel: this.name, partition });
    }
    return log;
  }

  describe(): ChannelDescription {
    return {
      name: this.name,
      partitions: this.logs.length,
      starts: new Map(this.logs.map((log) => [log.partition, log.start])),
      ends: new Map(this.logs.map((log) => [log.partition, log.end])),
      groups: new Map(Array.from(this.groups, ([name, group]) => [name, committedOf(group)])),
    };
  }

  /** Makes a group that is committed to the first records that are there. A known one is left as it is. */
  register(name: string): void {
    if (this.groups.has(name)) return;
    const starts = this.logs.map((log) => log.start);
    const group = new Group(starts);
    for (const [partition, start] of starts.entries()) group.committed[partition] = start;
    this.groups.set(name, group);
  }

  /** The group of a reader, made where it is new. */
  join(name: string, start: ReaderOptions['start']): Group {
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    const group = new Group(this.logs.map((log) => startOf(log, start)));
    this.groups.set(name, group);
    return group;
  }

  /** Where a reader of a group begins in a partition. */
  place(group: Group, partition: number, start: ReaderOptions['start']): number {
    const log = this.log(partition);
    const committed = group.committed[partition];
    if (committed !== undefined) return Math.max(committed, log.start);
    const at = startOf(log, start);
    group.placed[partition] = at;
    group.released[partition] = Math.max(group.released[partition] ?? 0, at);
    return at;
  }

  // New lists each time: a wake may end a session while the old list is gone through.
  subscribe(cursor: Cursor): void {
    this.#cursors[cursor.partition] = [...(this.#cursors[cursor.partition] ?? []), cursor];
  }

  unsubscribe(cursor: Cursor): void {
    this.#cursors[cursor.partition] = (this.#cursors[cursor.partition] ?? []).filter((each) => each !== cursor);
  }

  /** Takes records in without telling anybody; {@link announce} follows. Returns the offset of the first. */
  store(partition: number, records: Records): number {
    const log = this.log(partition);
    const { end, heldBytes } = log;
    log.append(records);
    this.#heldRecords += records.count;
    if (this.#weighs) this.#heldBytes += log.heldBytes - heldBytes;
    if (this.groups.size === 0 && this.#compact) this.settle([partition]);
    return end;
  }

  /** Wakes the readers for which the record at `first` is the next: others know already that there is something to read. */
  announce(partition: number, first: number): void {
    const wasEmpty = this.log(partition).start === first;
    for (const cursor of this.#cursors[partition] ?? []) if (wasEmpty || cursor.at >= first) cursor.wake();
  }

  /** Whether writers have to wait. A compacted channel that nobody reads keeps what it keeps, so waiting would be for ever. */
  get full(): boolean {
    if (this.#heldRecords < this.bound.records && this.#heldBytes < this.bound.bytes) return false;
    return this.groups.size > 0 || !this.#compact;
  }

  /** Whether it holds so much that readers had better commit. */
  get fills(): boolean {
    return this.#heldRecords >= FILLS_AT * this.bound.records || this.#heldBytes >= FILLS_AT * this.bound.bytes;
  }

  /** Whether this writer waits. */
  waits(writer: object): boolean {
    return this.#waiters.has(writer);
  }

  /** Resolves once there is room, or rejects when the writer or the channel goes. The same promise until then. */
  waitForRoom(writer: object): Promise<void> {
    let waiter = this.#waiters.get(writer);
    if (waiter === undefined) {
      waiter = newWaiter();
      this.#waiters.set(writer, waiter);
      // Their commits free the room; without a hint they would commit at their interval only.
      for (const cursors of this.#cursors) for (const cursor of cursors) if (cursor.ahead) cursor.wake();
    }
    return waiter.promise;
  }

  /** Makes a waiting writer fail. */
  giveUp(writer: object, error: Error): void {
    this.#waiters.get(writer)?.reject(error);
    this.#waiters.delete(writer);
  }

  /** Brings fill and storage of partitions up to date with the positions of the groups, then lets writers go on if there is room. */
  settle(partitions: Iterable<number>): void {
    const now = this.retention?.ms === undefined ? 0 : Date.now();
    for (const partition of partitions) {
      const log = this.log(partition);
      let released = Infinity;
      let consumed = Infinity;
      for (const group of this.groups.values()) {
        released = Math.min(released, group.released[partition] ?? 0);
        consumed = Math.min(consumed, group.position(partition));
      }
      if (this.groups.size === 0) {
        if (!this.#compact) continue;
        released = consumed = log.end;
      }
      const { heldRecords, heldBytes } = log;
      log.release(released);
      this.#heldRecords += log.heldRecords - heldRecords;
      this.#heldBytes += log.heldBytes - heldBytes;
      log.trim(Math.min(consumed, log.end), this.retention, now);
    }
    if (this.#waiters.size > 0 && !this.full) {
      for (const waiter of this.#waiters.values()) waiter.resolve();
      // Replaced, as what a writer staged is, so that no dead map leads to the next.
      this.#waiters = new Map();
    }
  }

  /** Ends the channel: waiting writers fail, readers and writers at their next use. */
  delete(): void {
    this.#deleted = true;
    for (const waiter of this.#waiters.values()) waiter.reject(unknownChannel(this.name));
    this.#waiters.clear();
    for (const cursors of this.#cursors) for (const cursor of cursors) cursor.wake();
  }
}

export function unknownChannel(name: string): MillraceError {
  return new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `there is no channel ${name} at this location`, { channel: name });
}

function startOf(log: PartitionLog, start: ReaderOptions['start']): number {
  if (start === 'earliest') return log.start;
  return start === 'latest' ? log.end : log.offsetAt(start);
}

function committedOf(group: Group): Map<number, number> {
  const offsets = new Map<number, number>();
  for (const [partition, offset] of group.committed.entries()) if (offset !== undefined) offsets.set(partition, offset);
  return offsets;
}

function newWaiter(): Waiter {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
