import { MillraceError, type ChannelDescription, type ChannelSpec, type OutgoingBatch, type ReaderOptions, type RecordBatch, type Retention } from '@millrace/core';
import { StoredBatch } from './stored-batch.js';

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

/** The records of a partition, in the order of their offsets. */
export class Partition {
  /** The first offset that is there, and the one after the last. */
  start = 0;
  end = 0;
  /** Called when records come in. */
  readonly wakes = new Set<() => void>();
  #batches: StoredBatch[] = [];
  #bytes = 0;

  append(batch: OutgoingBatch): void {
    const stored = new StoredBatch(batch, this.end);
    this.#batches.push(stored);
    this.#bytes += stored.weight;
    this.end = stored.next;
  }

  /** The records at and after an offset that are stored together; nothing at the end. */
  read(offset: number): RecordBatch | undefined {
    let [low, high] = [0, this.#batches.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle]?.next ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#batches[low]?.from(offset);
  }

  /** Offset of the first record at or after a time in epoch ms; the end where there is none. */
  offsetAt(time: number): number {
    for (const batch of this.#batches) {
      const offset = batch.offsetAt(time);
      if (offset !== undefined) return offset;
    }
    return this.end;
  }

  /** Lets batches go that lie before `consumed` as a whole, as far as the retention allows. */
  trim(consumed: number, { records, bytes, ms }: Retention): void {
    const without = records === undefined && bytes === undefined && ms === undefined;
    const oldest = ms === undefined ? -Infinity : Date.now() - ms;
    const goes = (batch: StoredBatch): boolean => batch.next <= consumed
      && (without || batch.next <= consumed - (records ?? Infinity) || this.#bytes - batch.weight >= (bytes ?? Infinity) || batch.latest < oldest);
    let count = 0;
    for (let batch = this.#batches[0]; batch !== undefined && goes(batch); batch = this.#batches[++count]) {
      this.#bytes -= batch.weight;
      this.start = batch.next;
    }
    if (count > 0) this.#batches = this.#batches.slice(count);
  }
}

export class Channel {
  readonly name: string;
  readonly partitions: readonly Partition[];
  readonly #groups = new Map<string, Group>();
  readonly #retention: Retention;
  #deleted = false;

  constructor({ name, partitions, retention = {} }: ChannelSpec) {
    this.name = name;
    this.partitions = Array.from({ length: partitions }, () => new Partition());
    this.#retention = retention;
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` once it is deleted */
  check(): void {
    if (this.#deleted) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `channel ${this.name} was deleted`, { channel: this.name });
  }

  delete(): void {
    this.#deleted = true;
    for (const { wakes } of this.partitions) for (const wake of wakes) wake();
  }

  /** @throws MillraceError `MILLRACE_CHANNEL_MISMATCH` */
  partition(index: number): Partition {
    const partition = this.partitions[index];
    if (partition !== undefined) return partition;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.name} has ${this.partitions.length} partitions, so no ${index}`, { channel: this.name, partition: index });
  }

  /** Makes a group that is committed to the first records that are there; a known one is left as it is. */
  register(name: string): void {
    if (this.#groups.has(name)) return;
    const group = new Group();
    for (const { start } of this.partitions) group.committed.push(start);
    this.#groups.set(name, group);
  }

  group(name: string): Group {
    const group = this.#groups.get(name) ?? new Group();
    this.#groups.set(name, group);
    return group;
  }

  /** Where a reader of a group begins. */
  place(group: Group, index: number, start: ReaderOptions['start']): number {
    const partition = this.partition(index);
    const committed = group.committed[index];
    if (committed !== undefined) return Math.max(committed, partition.start);
    const at = start === 'earliest' ? partition.start : start === 'latest' ? partition.end : partition.offsetAt(start);
    group.placed[index] = at;
    return at;
  }

  /** Lets records go that every group has committed past. Where nobody reads, all stay. */
  trim(): void {
    if (this.#groups.size === 0) return;
    for (const [index, partition] of this.partitions.entries()) {
      partition.trim(Math.min(...Array.from(this.#groups.values(), (group) => group.position(index))), this.#retention);
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
