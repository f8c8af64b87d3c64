import { keyAndHeaderBytes } from '../channel/record-size.js';
import { NO_VALUE, TOMBSTONE, type OutgoingBatch, type RecordBatch, type RecordHeader } from '../channel/spi.js';

/** Records of one partition, however they are held: a batch as it was given, a {@link Segment}, or what a session staged. */
export interface Records extends Omit<OutgoingBatch, 'partition' | 'timestamps'> {
  readonly timestamps?: ArrayLike<number> | undefined;
}

/** Batches of fewer records are gathered into shared segments; larger ones are kept as they are, by reference. */
const SMALL_RECORDS = 64;
/** Encoded batches from this size on are kept as they are: copying them would cost more than it saves. */
const SMALL_BYTES = 4096;
/** Where a gathering segment ends: large enough to be read in bulk, small enough to be dropped soon after. */
const SEGMENT_RECORDS = 1024;
const SEGMENT_BYTES = 256 * 1024;

/** Counted for each record beside its bytes, so that records of no bytes are bounded too. */
const RECORD_OVERHEAD = 16;
/** Counted for a record by reference in a channel that is bounded by bytes: its real size is not known. */
const OBJECT_BYTES = 1024;

const NO_BYTES = new Uint8Array(0);
const NO_BOUNDS = new Uint32Array(0);

/** A run of stored records of one partition and one schema. Once somebody read from it, it never changes. */
export class Segment implements Records {
  /** Offset of the first record. */
  base = 0;
  /** Offset after the last record. More than `base + count` where compaction left gaps. */
  next = 0;
  /** Weight of the log before it, and its own: only in logs that are bounded by bytes. */
  weightBefore = 0;
  weight = 0;
  /** As of all its batches. */
  noTombstones = false;

  constructor(
    readonly schema: string,
    public count: number,
    readonly objects: readonly unknown[] | undefined,
    public bytes: Uint8Array,
    public bounds: Uint32Array,
    readonly timestamp: number,
    public timestamps: ArrayLike<number> | undefined,
    public keys: readonly (Uint8Array | undefined)[] | undefined,
    public headers: readonly (readonly RecordHeader[] | undefined)[] | undefined,
    /** Offset of each record where they have gaps. */
    readonly offsets: ArrayLike<number> | undefined,
  ) {}

  /** A segment over a batch as it is: nothing is copied. */
  static of(batch: Records): Segment {
    const segment = new Segment(batch.schema, batch.count, batch.objects, batch.bytes, batch.bounds, batch.timestamp, batch.timestamps, batch.keys, batch.headers, undefined);
    segment.noTombstones = batch.noTombstones === true;
    return segment;
  }

  offsetAt(index: number): number {
    return this.offsets === undefined ? this.base + index : (this.offsets[index] ?? this.next);
  }

  timestampAt(index: number): number {
    return timestampOf(this, index);
  }

  isTombstone(index: number): boolean {
    return this.objects === undefined ? this.bounds[2 * index] === NO_VALUE : this.objects[index] === TOMBSTONE;
  }

  /** Index of the first record at or after an offset. */
  indexOf(offset: number): number {
    if (offset <= this.base) return 0;
    const { offsets } = this;
    if (offsets === undefined) return Math.min(offset - this.base, this.count);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsetAt(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What readers get of it, from a record on. By reference where it is all of it. Seal it first. */
  batch(partition: number, from: number): RecordBatch {
    const objects = this.objects === undefined || from === 0 ? this.objects : this.objects.slice(from);
    return new StoredBatch(partition, this, from, objects, from === 0 ? this.bounds : this.bounds.subarray(2 * from));
  }
}

/** A segment that gathers small batches until it is full or somebody reads from it. */
export class GatheringSegment extends Segment {
  readonly #objects: unknown[] | undefined;
  #buffer = NO_BYTES;
  #used = 0;
  #bounds = NO_BOUNDS;
  #timestamps: number[] | undefined;
  #keys: (Uint8Array | undefined)[] | undefined;
  #headers: (readonly RecordHeader[] | undefined)[] | undefined;

  constructor(first: Records) {
    const objects: unknown[] | undefined = first.objects === undefined ? undefined : [];
    super(first.schema, 0, objects, NO_BYTES, NO_BOUNDS, first.timestamp, undefined, undefined, undefined, undefined);
    this.#objects = objects;
    this.noTombstones = true;
  }

  accepts(batch: Records): boolean {
    return this.count + batch.count <= SEGMENT_RECORDS && this.schema === batch.schema && (this.objects === undefined) === (batch.objects === undefined)
      && this.#used + batch.bytes.byteLength <= SEGMENT_BYTES;
  }

  add(batch: Records): void {
    const { count } = batch;
    if (this.#objects !== undefined && batch.objects !== undefined) {
      for (let i = 0; i < count; i++) this.#objects.push(batch.objects[i]);
    } else {
      this.#copy(batch);
    }
    if (batch.timestamps !== undefined || batch.timestamp !== this.timestamp || this.#timestamps !== undefined) {
      this.timestamps = this.#timestamps ??= new Array<number>(this.count).fill(this.timestamp);
      for (let i = 0; i < count; i++) this.#timestamps.push(timestampOf(batch, i));
    }
    if (batch.keys !== undefined || this.#keys !== undefined) {
      this.keys = this.#keys ??= new Array<undefined>(this.count).fill(undefined);
      for (let i = 0; i < count; i++) this.#keys.push(batch.keys?.[i]);
    }
    if (batch.headers !== undefined || this.#headers !== undefined) {
      this.headers = this.#headers ??= new Array<undefined>(this.count).fill(undefined);
      for (let i = 0; i < count; i++) this.#headers.push(batch.headers?.[i]);
    }
    this.noTombstones &&= batch.noTombstones === true;
    this.count += count;
  }

  /** Ends the gathering: `bytes` and `bounds` stand from here on. */
  seal(): void {
    this.bytes = this.#buffer.subarray(0, this.#used);
    this.bounds = this.#bounds.subarray(0, 2 * this.count);
  }

  #copy(batch: Records): void {
    const size = batch.bytes.byteLength;
    if (this.#used + size > this.#buffer.byteLength) {
      const buffer = new Uint8Array(Math.max(2 * this.#buffer.byteLength, this.#used + size, 256));
      buffer.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = buffer;
    }
    if (2 * (this.count + batch.count) > this.#bounds.length) {
      const bounds = new Uint32Array(Math.max(2 * this.#bounds.length, 2 * (this.count + batch.count), 16));
      bounds.set(this.#bounds.subarray(0, 2 * this.count));
      this.#bounds = bounds;
    }
    this.#buffer.set(batch.bytes, this.#used);
    for (let i = 0, at = 2 * this.count; i < 2 * batch.count; i++, at++) {
      const bound = batch.bounds[i] ?? NO_VALUE;
      this.#bounds[at] = bound === NO_VALUE ? NO_VALUE : bound + this.#used;
    }
    this.#used += size;
  }
}

/** Segments in the order of their batches, the last one perhaps still gathering. */
export class SegmentList {
  readonly segments: (Segment | undefined)[] = [];
  #gathering: GatheringSegment | undefined;

  /** Takes a batch over, or a segment of another list that is done with, and says which segment holds it. */
  add(batch: Records): Segment {
    if (batch.count >= SMALL_RECORDS || batch.bytes.byteLength >= SMALL_BYTES) {
      this.seal();
      const segment = batch instanceof Segment ? batch : Segment.of(batch);
      this.segments.push(segment);
      return segment;
    }
    let segment = this.#gathering;
    if (segment === undefined || !segment.accepts(batch)) {
      this.seal();
      segment = this.#gathering = new GatheringSegment(batch);
      this.segments.push(segment);
    }
    segment.add(batch);
    return segment;
  }

  /** Nothing is added to the segments that are there any more. */
  seal(): void {
    this.#gathering?.seal();
    this.#gathering = undefined;
  }
}

function timestampOf(records: Records, index: number): number {
  const own = records.timestamps?.[index];
  return own === undefined || Number.isNaN(own) ? records.timestamp : own;
}

/** What a batch counts for in a bound by bytes. */
export function weightOf(batch: Records): number {
  let weight = batch.objects === undefined ? batch.bytes.byteLength + batch.count * RECORD_OVERHEAD : batch.count * OBJECT_BYTES;
  if (batch.keys !== undefined || batch.headers !== undefined) {
    for (let i = 0; i < batch.count; i++) weight += keyAndHeaderBytes(batch, i);
  }
  return weight;
}

class StoredBatch implements RecordBatch {
  /**
   * Kept for good, with its segment: V8 forgets the shape of objects of which none is left, and with it the code that was compiled for them, so
   * that a pipeline would begin slowly in a process where another one has ended.
   */
  static readonly kept = new StoredBatch(0, Segment.of({ count: 0, objects: [], bytes: NO_BYTES, bounds: NO_BOUNDS, schema: '', timestamp: Date.now(), timestamps: undefined, keys: undefined, headers: undefined }), 0, [], NO_BOUNDS);

  readonly count: number;
  readonly next: number;
  readonly bytes: Uint8Array;
  readonly schema: string;
  readonly noTombstones: boolean;
  readonly #segment: Segment;
  readonly #from: number;

  constructor(
    readonly partition: number,
    segment: Segment,
    from: number,
    readonly objects: readonly unknown[] | undefined,
    readonly bounds: Uint32Array,
  ) {
    this.count = segment.count - from;
    this.next = segment.next;
    this.bytes = segment.bytes;
    this.schema = segment.schema;
    this.noTombstones = segment.noTombstones;
    this.#segment = segment;
    this.#from = from;
  }

  offset(i: number): number {
    return this.#segment.offsetAt(this.#from + i);
  }

  timestamp(i: number): number {
    return this.#segment.timestampAt(this.#from + i);
  }

  key(i: number): Uint8Array | undefined {
    return this.#segment.keys?.[this.#from + i];
  }

  headers(i: number): readonly RecordHeader[] | undefined {
    return this.#segment.headers?.[this.#from + i];
  }
}
