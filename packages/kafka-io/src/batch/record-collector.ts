import { FetchedBatch, type FetchedRecords } from './fetched-batch.js';

/** Wire batches are put together up to so many records: a writer that sends one record at a time would make a batch of each. */
const MERGED_RECORDS = 1024;
const INITIAL_RECORDS = 64;
const NO_BYTES: Buffer = Buffer.alloc(0);
const NONE = -1;
const NO_BOUNDS = new Uint32Array(0);

/** Where records go as they are parsed, and become a {@link FetchedBatch} for each run of one schema over one buffer. */
export class RecordCollector {
  readonly #runs: FetchedRecords[] = [];
  readonly #partition: number;
  #bytes: Buffer = NO_BYTES;
  #count = 0;
  #capacity = 0;
  #bounds = NO_BOUNDS;
  /** Of the records so far; `undefined` while only records without a value are there, which go with any. */
  #schema: string | undefined;
  /** Of the first record of the run; `NONE` before it. */
  #baseOffset = NONE;
  #offsets: Float64Array | undefined;
  #timestamp = 0;
  #timestamps: Float64Array | undefined;
  #keyPositions: Uint32Array | undefined;

  constructor(partition: number) {
    this.#partition = partition;
  }

  /** Up to `count` records are to come, all over these bytes. */
  expect(count: number, bytes: Buffer): void {
    if (bytes !== this.#bytes || this.#count + count > MERGED_RECORDS) this.#endRun();
    this.#bytes = bytes;
    if (this.#count + count > this.#capacity) this.#grow(this.#count === 0 ? count : Math.max(this.#count + count, 2 * this.#capacity));
  }

  /**
   * @param start of the value; both bounds are `NO_VALUE` where there is none.
   * @param schema of the value; `undefined` where there is none.
   * @param keyPosition where the length of the key stands; 0 for neither key nor headers.
   */
  add(start: number, end: number, schema: string | undefined, offset: number, timestamp: number, keyPosition: number): void {
    // Apart, since few need it, and what is short can be inlined.
    const next = this.#count;
    if (offset !== this.#baseOffset + next || schema !== this.#schema || keyPosition !== 0 || next === this.#capacity || (timestamp !== this.#timestamp && this.#timestamps === undefined)) {
      this.#prepare(schema, offset, timestamp, keyPosition);
    }
    const i = this.#count++;
    this.#bounds[2 * i] = start;
    this.#bounds[2 * i + 1] = end;
    if (this.#offsets !== undefined) this.#offsets[i] = offset;
    if (this.#timestamps !== undefined) this.#timestamps[i] = timestamp;
    if (keyPosition !== 0) this.#keyPositions![i] = keyPosition;
  }

  /** Sees to what a record needs that is not like the one before: another run, room, arrays for what differs from record to record. */
  #prepare(schema: string | undefined, offset: number, timestamp: number, keyPosition: number): void {
    if (schema !== this.#schema && schema !== undefined) {
      if (this.#schema !== undefined) this.#endRun();
      this.#schema = schema;
    }
    const i = this.#count;
    if (i === this.#capacity) this.#grow(Math.max(2 * i, INITIAL_RECORDS));
    if (i === 0) {
      this.#baseOffset = offset;
      this.#timestamp = timestamp;
    }
    if (this.#offsets === undefined && offset !== this.#baseOffset + i) {
      this.#offsets = new Float64Array(this.#capacity);
      for (let before = 0; before < i; before++) this.#offsets[before] = this.#baseOffset + before;
    }
    if (this.#timestamps === undefined && timestamp !== this.#timestamp) this.#timestamps = new Float64Array(this.#capacity).fill(this.#timestamp, 0, i);
    if (keyPosition !== 0) this.#keyPositions ??= new Uint32Array(this.#capacity);
  }

  /** All the batches; the last one is followed by `next`. */
  finish(next: number): FetchedBatch[] {
    this.#endRun();
    return this.#runs.map((run, i) => new FetchedBatch(run, this.#runs[i + 1]?.baseOffset ?? next));
  }

  #endRun(): void {
    if (this.#count === 0) return;
    this.#runs.push({
      partition: this.#partition,
      count: this.#count,
      bytes: this.#bytes,
      bounds: this.#count === this.#capacity ? this.#bounds : this.#bounds.subarray(0, 2 * this.#count),
      schema: this.#schema ?? '',
      baseOffset: this.#baseOffset,
      offsets: this.#offsets,
      timestamp: this.#timestamp,
      timestamps: this.#timestamps,
      keyPositions: this.#keyPositions,
    });
    this.#count = this.#capacity = 0;
    this.#bounds = NO_BOUNDS;
    this.#schema = undefined;
    this.#offsets = this.#timestamps = this.#keyPositions = undefined;
    this.#baseOffset = NONE;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    const bounds = new Uint32Array(2 * capacity);
    bounds.set(this.#bounds);
    this.#bounds = bounds;
    if (this.#offsets !== undefined) this.#offsets = grown(this.#offsets, capacity);
    if (this.#timestamps !== undefined) this.#timestamps = grown(this.#timestamps, capacity);
    if (this.#keyPositions !== undefined) {
      const positions = new Uint32Array(capacity);
      positions.set(this.#keyPositions);
      this.#keyPositions = positions;
    }
  }
}

function grown(values: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity);
  larger.set(values);
  return larger;
}
