import { largestRecord } from '../channel/record-size.js';
import type { ChannelWriter, Offsets, OutgoingBatch } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';
import type { MemoryChannel } from './channel.js';
import { SegmentList, weightOf, type Records } from './segment.js';

/** Tells readers of records that a commit stored, once all of the commit is done. */
export type Announcement = () => void;

/** What a writer needs of its session. */
export interface WriterHost {
  readonly exactlyOnce: boolean;
  /** Only encoded records. */
  readonly wire: boolean;
  /** Largest record in bytes. */
  readonly recordBytes: number;
  /** Throws where the session can do nothing more. */
  check(): void;
  /** What records count for in the bound of a step: their number, or their bytes with `wire`. */
  sizeOf(batch: Records): number;
  /** @throws MillraceError `MILLRACE_STEP_TOO_LARGE` */
  checkStep(size: number, channel: string): void;
  /** Counts staged records. @throws MillraceError `MILLRACE_STEP_TOO_LARGE`, and then they are not counted. */
  stage(size: number, channel: string): void;
  /** Asks for a commit at the next step boundary. */
  urge(): void;
  /** Whether the session reads a channel, so that only its own commits make room there. */
  reads(channel: MemoryChannel): boolean;
}

export class MemoryWriter implements ChannelWriter {
  /** Since the last commit: the offset after the last record, per partition. */
  #ends = new Map<number, number>();
  /** Exactly-once: what waits for the commit, per partition. */
  #staged = new Map<number, SegmentList>();
  #stagedRecords = 0;
  #stagedBytes = 0;
  /** What was taken since the channel is full and nobody waited for room: in no bound but that of a step. */
  #unawaited = 0;
  /** Whether a promise of room was given since then. */
  #promised = false;

  constructor(
    private readonly host: WriterHost,
    readonly target: MemoryChannel,
  ) {}

  get channel(): string {
    return this.target.name;
  }

  get partitions(): number {
    return this.target.logs.length;
  }

  writeRecords(batch: OutgoingBatch): Promise<void> | undefined {
    const { host, target } = this;
    host.check();
    target.check();
    this.#verify(batch);
    if (batch.count === 0) return undefined;
    if (this.#promised && !target.waits(this)) this.#forget();
    const size = this.#unawaited > 0 || host.exactlyOnce ? host.sizeOf(batch) : 0;
    if (this.#unawaited > 0) host.checkStep(this.#unawaited + size, this.channel);
    if (host.exactlyOnce) this.#stage(batch, size);
    else this.#store(batch);
    return target.full ? this.#full(batch) : undefined;
  }

  /** Throws what would make the commit of this writer's records fail. */
  verify(): void {
    if (this.#staged.size > 0) this.target.check();
  }

  /** Makes the staged records part of the channel. */
  commit(announcements: Announcement[]): void {
    if (this.#staged.size === 0 && this.#unawaited === 0) return;
    const { target } = this;
    for (const [partition, list] of this.#staged) {
      list.seal();
      const first = target.log(partition).end;
      for (const segment of list.segments) if (segment !== undefined) target.store(partition, segment);
      this.#ends.set(partition, target.log(partition).end);
      announcements.push(() => target.announce(partition, first));
    }
    this.drop();
  }

  /** The ends since the last call; nothing where nothing was written. */
  takeEnds(): Offsets | undefined {
    if (this.#ends.size === 0) return undefined;
    const ends = this.#ends;
    this.#ends = new Map();
    return ends;
  }

  /** Forgets what is staged. */
  drop(): void {
    // Not cleared: the table of a map that is cleared points to the one that follows, so once a dead one is among the old objects of the heap,
    // all that was ever staged lives on to the next major collection.
    if (this.#staged.size > 0) this.#staged = new Map();
    this.#stagedRecords = this.#stagedBytes = 0;
    // A promise that is open still counts: it may be that nobody heeds it, step after step.
    if (!this.#promised || !this.target.waits(this)) this.#forget();
  }

  #forget(): void {
    this.#unawaited = 0;
    this.#promised = false;
  }

  #store(batch: OutgoingBatch): void {
    const { partition } = batch;
    const first = this.target.store(partition, batch);
    this.#ends.set(partition, first + batch.count);
    this.target.announce(partition, first);
  }

  #stage(batch: OutgoingBatch, size: number): void {
    const { host, target } = this;
    host.stage(size, this.channel);
    let list = this.#staged.get(batch.partition);
    if (list === undefined) this.#staged.set(batch.partition, (list = new SegmentList()));
    list.add(batch);
    const weight = target.bound.bytes === Infinity ? 0 : weightOf(batch);
    this.#stagedRecords += batch.count;
    this.#stagedBytes += weight;
    // Before one more would make the commit more than the channel holds.
    if (this.#stagedRecords + batch.count > target.bound.records || this.#stagedBytes + weight > target.bound.bytes) host.urge();
  }

  #full(batch: Records): Promise<void> | undefined {
    const { host, target } = this;
    this.#unawaited += host.sizeOf(batch);
    // Room that the own session's commit must make would never come: it commits between steps, and this is in one.
    if (host.reads(target)) {
      host.urge();
      return undefined;
    }
    this.#promised = true;
    return target.waitForRoom(this);
  }

  #verify(batch: OutgoingBatch): void {
    const { target, host } = this;
    const { partition, count, objects, bytes, bounds } = batch;
    target.log(partition);
    if (objects === undefined ? bounds.length !== 2 * count : objects.length !== count) {
      throw new MillraceError('MILLRACE_VALUE_INVALID', `a batch of ${count} records has ${objects === undefined ? `${bounds.length} bounds` : `${objects.length} objects`}`, { channel: this.channel, partition });
    }
    if (objects !== undefined) {
      if (host.wire) throw new MillraceError('MILLRACE_CAPABILITY_MISSING', 'records by reference were sent to a location with wire, which carries encoded ones only', { channel: this.channel, partition });
      return;
    }
    const limit = Math.min(host.recordBytes, target.bound.bytes);
    const mayExceed = bytes.byteLength > limit || ((batch.keys ?? batch.headers) !== undefined && weightOf(batch) > limit);
    if (mayExceed && largestRecord(batch) > limit) {
      throw new MillraceError('MILLRACE_RECORD_TOO_LARGE', `a record of ${largestRecord(batch)} bytes exceeds the bound of its channel, ${limit} bytes; raise bytes=N in the location`, { channel: this.channel, partition });
    }
  }
}
