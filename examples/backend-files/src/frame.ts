import { crc32 } from 'node:zlib';
import { NO_VALUE, type OutgoingBatch, type RecordBatch, type RecordHeader } from '@millrace/core';

/*
 * A frame: a batch as it stands in a segment file. Numbers are little-endian.
 *
 *    0  u32  bytes of the frame           32  u32  records
 *    4  u32  CRC-32 of all that follows   36  u32  bytes of the schema's fingerprint, latin1
 *    8  f64  offset of the first record   40  u32  bytes of the timestamps: 8 for each record, or 0
 *   16  f64  timestamp of the batch       44  u32  bytes of the column of values
 *   24  f64  zero                         48  u32  of the column of keys, or 0
 *                                         52  u32  of the column of headers, or 0
 *
 * Then the five in this order. A column is two u32 for each record, where its bytes begin and end or NO_VALUE twice, and the bytes.
 */
export const FRAME_HEADER = 56;

/** A batch as a frame that has no offset yet: {@link sealFrame}. */
export function encodeFrame(batch: OutgoingBatch): Buffer {
  const { count, timestamps } = batch;
  const sections = [
    Buffer.from(batch.schema, 'latin1'),
    timestamps === undefined ? NOTHING : bytesOf(timestamps),
    Buffer.concat([bytesOf(batch.bounds), batch.bytes]),
    batch.keys === undefined ? NOTHING : column(batch.keys),
    batch.headers === undefined ? NOTHING : column(batch.headers.map((headers) => (headers === undefined ? undefined : encodeHeaders(headers)))),
  ];
  const head = Buffer.alloc(FRAME_HEADER);
  head.writeUInt32LE(FRAME_HEADER + sections.reduce((sum, { byteLength }) => sum + byteLength, 0), 0);
  head.writeDoubleLE(batch.timestamp, 16);
  head.writeUInt32LE(count, 32);
  for (const [i, { byteLength }] of sections.entries()) head.writeUInt32LE(byteLength, 36 + 4 * i);
  return Buffer.concat([head, ...sections]);
}

/** Gives a frame its place, after which it does not change. */
export function sealFrame(frame: Buffer, offset: number): void {
  frame.writeDoubleLE(offset, 8);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
}

/** Records of a frame. */
export function countOf(frame: Buffer): number {
  return frame.readUInt32LE(32);
}

/** What is known of a frame without looking into it, from the bytes of its header. */
export function frameAt(bytes: Buffer, at: number): { readonly length: number; readonly first: number; readonly next: number } {
  const first = bytes.readDoubleLE(at + 8);
  return { length: bytes.readUInt32LE(at), first, next: first + bytes.readUInt32LE(at + 32) };
}

export function isWhole(frame: Buffer): boolean {
  return crc32(frame.subarray(8)) === frame.readUInt32LE(4);
}

/** A frame as a reader gets it, from a record on. Its buffer is its own or shared with its neighbours, and not written again. */
export class FrameBatch implements RecordBatch {
  readonly objects = undefined;
  readonly count: number;
  readonly next: number;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
  readonly schema: string;
  readonly #first: number;
  readonly #skipped: number;
  readonly #timestamp: number;
  readonly #timestamps: Float64Array | undefined;
  readonly #keys: Column | undefined;
  readonly #headers: Column | undefined;

  constructor(
    frame: Buffer,
    readonly partition: number,
    from: number,
  ) {
    const first = frame.readDoubleLE(8);
    const count = countOf(frame);
    let at = FRAME_HEADER;
    const [schema = NOTHING, timestamps = NOTHING, values = NOTHING, keys = NOTHING, headers = NOTHING] = [36, 40, 44, 48, 52].map((place) => frame.subarray(at, (at += frame.readUInt32LE(place))));
    this.#skipped = Math.max(0, from - first);
    this.#first = first + this.#skipped;
    this.count = count - this.#skipped;
    this.next = first + count;
    this.schema = schema.toString('latin1');
    this.#timestamp = frame.readDoubleLE(16);
    this.#timestamps = timestamps.byteLength === 0 ? undefined : new Float64Array(copyOf(timestamps));
    const { bounds, bytes } = columnOf(values, count);
    this.bytes = bytes;
    this.bounds = bounds.subarray(2 * this.#skipped);
    this.#keys = keys.byteLength === 0 ? undefined : columnOf(keys, count);
    this.#headers = headers.byteLength === 0 ? undefined : columnOf(headers, count);
  }

  offset(i: number): number {
    return this.#first + i;
  }

  timestamp(i: number): number {
    const own = this.#timestamps?.[this.#skipped + i];
    return own === undefined || Number.isNaN(own) ? this.#timestamp : own;
  }

  key(i: number): Uint8Array | undefined {
    return entryOf(this.#keys, this.#skipped + i);
  }

  headers(i: number): readonly RecordHeader[] | undefined {
    const bytes = entryOf(this.#headers, this.#skipped + i);
    return bytes === undefined ? undefined : decodeHeaders(bytes);
  }
}

interface Column {
  readonly bounds: Uint32Array;
  readonly bytes: Uint8Array;
}

const NOTHING = Buffer.alloc(0);

function column(values: readonly (Uint8Array | undefined)[]): Buffer {
  const bounds = new Uint32Array(2 * values.length).fill(NO_VALUE);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue;
    bounds[2 * i] = at;
    bounds[2 * i + 1] = at += value.byteLength;
  }
  return Buffer.concat([bytesOf(bounds), ...values.filter((value) => value !== undefined)]);
}

function columnOf(section: Buffer, count: number): Column {
  return { bounds: new Uint32Array(copyOf(section.subarray(0, 8 * count))), bytes: section.subarray(8 * count) };
}

function entryOf(column: Column | undefined, index: number): Uint8Array | undefined {
  const start = column?.bounds[2 * index] ?? NO_VALUE;
  return start === NO_VALUE ? undefined : column?.bytes.subarray(start, column.bounds[2 * index + 1]);
}

/** Of each header the lengths of its name and value, u32, and the two. */
function encodeHeaders(headers: readonly RecordHeader[]): Uint8Array {
  return Buffer.concat(headers.flatMap(([name, value]) => {
    const text = Buffer.from(name);
    return [bytesOf(Uint32Array.of(text.byteLength, value.byteLength)), text, value];
  }));
}

function decodeHeaders(bytes: Uint8Array): readonly RecordHeader[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: RecordHeader[] = [];
  for (let at = 0; at < buffer.byteLength;) {
    const value = at + 8 + buffer.readUInt32LE(at);
    const end = value + buffer.readUInt32LE(at + 4);
    headers.push([buffer.toString('utf8', at + 8, value), buffer.subarray(value, end)]);
    at = end;
  }
  return headers;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A copy that begins where numbers may. */
function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
