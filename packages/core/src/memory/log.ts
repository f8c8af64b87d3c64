import type { RecordBatch, Retention } from '../channel/spi.js';
import { compacted } from './compaction.js';
import { SegmentList, weightOf, type Records, type Segment } from './segment.js';

/** Compaction waits until at least so many records have come since the last one, so that its cost is spread. */
const COMPACTION_STEP = 1024;

/** The records of one partition: an append-only list of segments, dropped from its head. */
export class PartitionLog {
  /** First offset that can still be read. Segments may reach below it: they go as a whole. */
  start = 0;
  /** Offset after the last record. */
  end = 0;
  /** Up to here every group has read: what the bound of the channel does not count any more. Never goes back. */
  released = 0;
  #weight = 0;
  #releasedWeight = 0;
  readonly #list = new SegmentList();
  #head = 0;
  /** Offset up to which the log is compacted, and the records that were left. */
  #compactedTo = 0;
  #compactedLeft = 0;

  /** @param weighs whether the weight of records is asked for: by a bound or a retention in bytes. */
  constructor(
    readonly partition: number,
    private readonly weighs: boolean,
  ) {}

  /** Records that some group has not read past. */
  get heldRecords(): number {
    return this.end - this.released;
  }

  /** Their weight. */
  get heldBytes(): number {
    return this.#weight - this.#releasedWeight;
  }

  append(batch: Records): void {
    const segment = this.#list.add(batch);
    if (segment.count === batch.count) {
      segment.base = this.end;
      segment.weightBefore = this.#weight;
    }
    this.end += batch.count;
    segment.next = this.end;
    if (this.weighs) {
      const weight = weightOf(batch);
      segment.weight += weight;
      this.#weight += weight;
    }
  }

  /** The records at and after an offset that are stored together; nothing at the end. */
  read(offset: number): RecordBatch | undefined {
    const at = Math.max(offset, this.start);
    if (at >= this.end) return undefined;
    const segment = this.#list.segments[this.#find(at)];
    if (segment === undefined) return undefined;
    if (segment.next === this.end) this.#list.seal();
    return segment.batch(this.partition, segment.indexOf(at));
  }

  /** Counts what lies before an offset as released. */
  release(offset: number): void {
    if (offset <= this.released) return;
    this.released = Math.min(offset, this.end);
    if (this.weighs) this.#releasedWeight = Math.max(this.#releasedWeight, this.#weightAt(this.released));
  }

  /** Offset of the first record at or after a time in epoch ms; the end where there is none. */
  offsetAt(time: number): number {
    const { segments } = this.#list;
    for (let s = this.#head; s < segments.length; s++) {
      const segment = segments[s];
      if (segment === undefined) continue;
      for (let i = segment.indexOf(this.start); i < segment.count; i++) if (segment.timestampAt(i) >= time) return segment.offsetAt(i);
    }
    return this.end;
  }

  /**
   * Lets go of records before `consumed` that no group needs any more, as far as the retention allows.
   * @param now epoch ms
   */
  trim(consumed: number, retention: Retention | undefined, now: number): void {
    const expired = retention === undefined ? consumed : this.#expired(consumed, retention, now);
    if (retention?.compact === true) this.#compact(expired);
    else if (expired > this.start) this.#drop(expired);
  }

  /** Offset before which the retention keeps nothing. Age and size are judged by whole segments. */
  #expired(consumed: number, { records, bytes, ms }: Retention, now: number): number {
    if (records === undefined && bytes === undefined && ms === undefined) return consumed;
    let expired = records === undefined ? this.start : Math.max(this.start, consumed - records);
    const { segments } = this.#list;
    for (let s = this.#head; s < segments.length && (bytes !== undefined || ms !== undefined); s++) {
      const segment = segments[s];
      if (segment === undefined || segment.next > consumed) break;
      const tooMany = bytes !== undefined && this.#weightAt(consumed) - segment.weightBefore > bytes;
      const tooOld = ms !== undefined && segment.timestampAt(segment.count - 1) < now - ms;
      if (!tooMany && !tooOld) break;
      expired = Math.max(expired, segment.next);
    }
    return expired;
  }

  #drop(offset: number): void {
    const { segments } = this.#list;
    this.start = offset;
    for (let segment = segments[this.#head]; segment !== undefined && segment.next <= offset; segment = segments[this.#head]) {
      if (segment.next === this.end) this.#list.seal();
      segments[this.#head++] = undefined;
    }
    if (this.#head >= 32 && 2 * this.#head >= segments.length) {
      segments.splice(0, this.#head);
      this.#head = 0;
    }
  }

  #compact(offset: number): void {
    if (offset - this.#compactedTo < Math.max(COMPACTION_STEP, this.#compactedLeft)) return;
    const { segments } = this.#list;
    let to = this.#head;
    for (let segment = segments[to]; segment !== undefined && segment.next <= offset; segment = segments[to]) to++;
    if (to === segments.length) this.#list.seal();
    const old = segments.slice(this.#head, to).filter((segment) => segment !== undefined);
    const last = old.at(-1);
    if (last === undefined) return;
    const kept = compacted(old, this.end - 1);
    segments.splice(0, to, ...kept);
    this.#head = 0;
    this.#compactedTo = last.next;
    this.#compactedLeft = kept.reduce((sum, segment) => sum + segment.count, 0);
    this.start = segments[0]?.offsetAt(0) ?? this.end;
  }

  /** Weight of everything before an offset; within a segment by proportion. */
  #weightAt(offset: number): number {
    if (offset >= this.end) return this.#weight;
    const segment = this.#list.segments[this.#find(offset)];
    if (segment === undefined) return this.#weight;
    return segment.weightBefore + (segment.weight * segment.indexOf(offset)) / segment.count;
  }

  /** Index of the first segment that reaches past an offset. */
  #find(offset: number): number {
    const { segments } = this.#list;
    let low = this.#head;
    let high = segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endOf(segments[middle]) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function endOf(segment: Segment | undefined): number {
  return segment === undefined ? 0 : segment.next;
}
