import type { RecordBatch, RecordHeader } from '@millrace/core';
import { NULL_LENGTH } from './format.js';
import { readVarint, varintEnd } from './varint.js';

/** What a {@link FetchedBatch} is made of. */
export interface FetchedRecords {
  readonly partition: number;
  readonly count: number;
  readonly bytes: Buffer;
  readonly bounds: Uint32Array;
  readonly schema: string;
  readonly baseOffset: number;
  /** Per record; `undefined` where they follow each other from `baseOffset` on. */
  readonly offsets: Float64Array | undefined;
  readonly timestamp: number;
  /** Per record; `undefined` where `timestamp` holds for all. */
  readonly timestamps: Float64Array | undefined;
  /** Where in `bytes` the length of each record's key stands, 0 for a record of neither key nor headers; `undefined` where all are so. */
  readonly keyPositions: Uint32Array | undefined;
}

/**
 * Records of one schema over the buffer that they came in, which has been checked.
 *
 * Keys and header values are copied as they are asked for: who keeps a key does not keep the whole response.
 */
export class FetchedBatch implements RecordBatch {
  readonly objects = undefined;
  readonly partition: number;
  readonly count: number;
  readonly bytes: Buffer;
  readonly bounds: Uint32Array;
  readonly schema: string;
  readonly next: number;
  readonly #records: FetchedRecords;

  constructor(records: FetchedRecords, next: number) {
    ({ partition: this.partition, count: this.count, bytes: this.bytes, bounds: this.bounds, schema: this.schema } = records);
    this.next = next;
    this.#records = records;
  }

  offset(i: number): number {
    const { offsets, baseOffset } = this.#records;
    return offsets === undefined ? baseOffset + i : offsets[i]!;
  }

  timestamp(i: number): number {
    const { timestamps, timestamp } = this.#records;
    return timestamps === undefined ? timestamp : timestamps[i]!;
  }

  key(i: number): Uint8Array | undefined {
    const position = this.#records.keyPositions?.[i] ?? 0;
    if (position === 0) return undefined;
    const length = readVarint(this.bytes, position);
    return length === NULL_LENGTH ? undefined : this.#copy(varintEnd(), length);
  }

  headers(i: number): readonly RecordHeader[] | undefined {
    let position = this.#records.keyPositions?.[i] ?? 0;
    if (position === 0) return undefined;
    const { bytes } = this;
    // Over the key, then over the value.
    for (let field = 0; field < 2; field++) position = Math.max(readVarint(bytes, position), 0) + varintEnd();
    const count = readVarint(bytes, position);
    if (count === 0) return undefined;
    const headers: RecordHeader[] = [];
    position = varintEnd();
    for (let h = 0; h < count; h++) {
      const nameLength = readVarint(bytes, position);
      const nameEnd = varintEnd() + nameLength;
      const name = bytes.toString('utf8', varintEnd(), nameEnd);
      const valueLength = Math.max(readVarint(bytes, nameEnd), 0);
      headers.push([name, this.#copy(varintEnd(), valueLength)]);
      position = varintEnd() + valueLength;
    }
    return headers;
  }

  #copy(start: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    this.bytes.copy(copy, 0, start, start + length);
    return copy;
  }
}
