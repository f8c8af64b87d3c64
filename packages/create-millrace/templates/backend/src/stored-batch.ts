import { keyAndHeaderBytes, type OutgoingBatch, type RecordBatch, type RecordHeader } from '@millrace/core';

/** Counted for each record beside its bytes. */
const RECORD_OVERHEAD = 16;

/** What a batch takes up, in bytes. */
export function weightOf(batch: OutgoingBatch): number {
  let weight = batch.bytes.byteLength + RECORD_OVERHEAD * batch.count;
  if ((batch.keys ?? batch.headers) !== undefined) for (let i = 0; i < batch.count; i++) weight += keyAndHeaderBytes(batch, i);
  return weight;
}

/** A batch that was taken over, with the offset of its first record. */
export class StoredBatch {
  readonly next: number;
  readonly weight: number;
  /** The latest time of its records, epoch ms. */
  readonly latest: number;

  constructor(
    readonly batch: OutgoingBatch,
    readonly first: number,
  ) {
    this.next = first + batch.count;
    this.weight = weightOf(batch);
    let latest = -Infinity;
    for (let i = 0; i < batch.count; i++) latest = Math.max(latest, this.timestamp(i));
    this.latest = latest;
  }

  timestamp(index: number): number {
    const own = this.batch.timestamps?.[index];
    return own === undefined || Number.isNaN(own) ? this.batch.timestamp : own;
  }

  /** Offset of the first record at or after a time, where there is one. */
  offsetAt(time: number): number | undefined {
    if (this.latest < time) return undefined;
    for (let i = 0; i < this.batch.count; i++) if (this.timestamp(i) >= time) return this.first + i;
    return undefined;
  }

  /** What a reader gets of it: nothing is copied, and nothing of it changes later. */
  from(offset: number): RecordBatch {
    return new ReadBatch(this, Math.max(0, offset - this.first));
  }
}

class ReadBatch implements RecordBatch {
  readonly objects = undefined;
  readonly bounds: Uint32Array;

  constructor(
    private readonly stored: StoredBatch,
    private readonly skipped: number,
  ) {
    this.bounds = stored.batch.bounds.subarray(2 * skipped);
  }

  get partition(): number {
    return this.stored.batch.partition;
  }

  get count(): number {
    return this.stored.batch.count - this.skipped;
  }

  get next(): number {
    return this.stored.next;
  }

  get bytes(): Uint8Array {
    return this.stored.batch.bytes;
  }

  get schema(): string {
    return this.stored.batch.schema;
  }

  offset(i: number): number {
    return this.stored.first + this.skipped + i;
  }

  timestamp(i: number): number {
    return this.stored.timestamp(this.skipped + i);
  }

  key(i: number): Uint8Array | undefined {
    return this.stored.batch.keys?.[this.skipped + i];
  }

  headers(i: number): readonly RecordHeader[] | undefined {
    return this.stored.batch.headers?.[this.skipped + i];
  }
}
