import { keyAndHeaderBytes, MillraceError, NO_VALUE, type OutgoingBatch, type RecordBatch, type RecordHeader } from '@millrace/core';

/** Version of the form of a stored batch, in its first byte. */
const FRAME_VERSION = 1;
const HEAD = 64;
const TIMESTAMPS = 1;
const OFFSETS = 2;
const KEYS = 4;
const HEADERS = 8;
const SCHEMA = 16;

const AT = { flags: 1, count: 4, next: 8, before: 16, timestamp: 24, latest: 32, schema: 40, values: 48, keys: 52, headers: 56 } as const;

/** Parts of a batch that lie one after the other: bytes, and where each record's begin and end. */
interface Packed {
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
}

/** Records to be stored as one value. */
export interface FrameContent {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
  readonly schema: string;
  readonly timestamp: number;
  readonly timestamps?: ArrayLike<number> | undefined;
  readonly offsets?: readonly number[] | undefined;
  readonly keys?: OutgoingBatch['keys'];
  readonly headers?: OutgoingBatch['headers'];
}

/**
 * Makes the stored form of a batch; {@link place} follows once its offset is known. The README has the layout.
 */
export function frameOf(content: FrameContent): Buffer {
  const { count, timestamps, offsets, schema } = content;
  const keys = content.keys === undefined ? undefined : pack(content.keys, (key) => key);
  const headers = content.headers === undefined ? undefined : pack(content.headers, (each) => (each.length === 0 ? undefined : packHeaders(each)));
  const size = HEAD + 8 * count * ((timestamps === undefined ? 0 : 1) + (offsets === undefined ? 0 : 1))
    + 8 * count * (1 + (keys === undefined ? 0 : 1) + (headers === undefined ? 0 : 1))
    + content.bytes.byteLength + (keys?.bytes.byteLength ?? 0) + (headers?.bytes.byteLength ?? 0);
  // Not from the pool: the buffer is handed to another thread, and its parts are read as arrays of numbers.
  const frame = Buffer.allocUnsafeSlow(size);
  frame.fill(0, 0, HEAD);
  frame[0] = FRAME_VERSION;
  frame[AT.flags] = (timestamps === undefined ? 0 : TIMESTAMPS) | (offsets === undefined ? 0 : OFFSETS) | (keys === undefined ? 0 : KEYS) | (headers === undefined ? 0 : HEADERS) | (schema === '' ? 0 : SCHEMA);
  frame.writeUInt32LE(count, AT.count);
  frame.writeDoubleLE(content.timestamp, AT.timestamp);
  frame.writeDoubleLE(latest(content), AT.latest);
  if (schema !== '') frame.write(schema, AT.schema, 'hex');
  frame.writeUInt32LE(content.bytes.byteLength, AT.values);
  frame.writeUInt32LE(keys?.bytes.byteLength ?? 0, AT.keys);
  frame.writeUInt32LE(headers?.bytes.byteLength ?? 0, AT.headers);
  let at = HEAD;
  for (const numbers of [timestamps, offsets]) {
    if (numbers === undefined) continue;
    new Float64Array(frame.buffer, at, count).set(numbers);
    at += 8 * count;
  }
  for (const bounds of [content.bounds, keys?.bounds, headers?.bounds]) {
    if (bounds === undefined) continue;
    new Uint32Array(frame.buffer, at, 2 * count).set(bounds);
    at += 8 * count;
  }
  for (const bytes of [content.bytes, keys?.bytes, headers?.bytes]) {
    if (bytes === undefined) continue;
    frame.set(bytes, at);
    at += bytes.byteLength;
  }
  return frame;
}

/** Says where in its partition a frame lies: the offset after it, and the bytes that were written to the partition before it. */
export function place(frame: Buffer, next: number, before: number): void {
  frame.writeDoubleLE(next, AT.next);
  frame.writeDoubleLE(before, AT.before);
}

/** What retention asks of a stored batch. Reads the head only, at once, from whatever buffer the database lends. */
export function readHead(frame: Uint8Array): { readonly count: number; readonly next: number; readonly before: number; readonly latest: number } {
  const view = new DataView(frame.buffer, frame.byteOffset, HEAD);
  return { count: view.getUint32(AT.count, true), next: view.getFloat64(AT.next, true), before: view.getFloat64(AT.before, true), latest: view.getFloat64(AT.latest, true) };
}

/** A stored batch, taken apart. Owns its bytes. */
export class StoredFrame {
  readonly count: number;
  readonly next: number;
  /** Bytes that were written to the partition before it. */
  readonly bytesBefore: number;
  readonly schema: string;
  readonly timestamp: number;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
  readonly timestamps: Float64Array | undefined;
  readonly #offsets: Float64Array | undefined;
  readonly #keys: Packed | undefined;
  readonly #headers: Packed | undefined;

  /** @param value the value of the log, a copy that nobody else writes to */
  constructor(
    readonly base: number,
    value: Uint8Array,
  ) {
    if (value[0] !== FRAME_VERSION) throw new MillraceError('MILLRACE_FORMAT_UNKNOWN', `a stored batch is of form ${value[0] ?? 'none'}, this version reads form ${FRAME_VERSION}; upgrade @millrace/local-io`, { offset: base });
    const frame = value.byteOffset % 8 === 0 ? value : new Uint8Array(value);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const flags = view.getUint8(AT.flags);
    this.count = view.getUint32(AT.count, true);
    this.next = view.getFloat64(AT.next, true);
    this.bytesBefore = view.getFloat64(AT.before, true);
    this.timestamp = view.getFloat64(AT.timestamp, true);
    this.schema = (flags & SCHEMA) === 0 ? '' : Buffer.from(frame.buffer, frame.byteOffset + AT.schema, 8).toString('hex');
    const { count } = this;
    let at = frame.byteOffset + HEAD;
    const numbers = (flag: number): Float64Array | undefined => {
      if ((flags & flag) === 0) return undefined;
      at += 8 * count;
      return new Float64Array(frame.buffer, at - 8 * count, count);
    };
    const bounds = (): Uint32Array => {
      at += 8 * count;
      return new Uint32Array(frame.buffer, at - 8 * count, 2 * count);
    };
    const bytes = (size: number): Uint8Array => {
      at += size;
      return new Uint8Array(frame.buffer, at - size, size);
    };
    this.timestamps = numbers(TIMESTAMPS);
    this.#offsets = numbers(OFFSETS);
    this.bounds = bounds();
    const keyBounds = (flags & KEYS) === 0 ? undefined : bounds();
    const headerBounds = (flags & HEADERS) === 0 ? undefined : bounds();
    this.bytes = bytes(view.getUint32(AT.values, true));
    this.#keys = keyBounds && { bounds: keyBounds, bytes: bytes(view.getUint32(AT.keys, true)) };
    this.#headers = headerBounds && { bounds: headerBounds, bytes: bytes(view.getUint32(AT.headers, true)) };
  }

  offsetAt(index: number): number {
    return this.#offsets === undefined ? this.base + index : (this.#offsets[index] ?? this.next);
  }

  timestampAt(index: number): number {
    const own = this.timestamps?.[index];
    return own === undefined || Number.isNaN(own) ? this.timestamp : own;
  }

  keyAt(index: number): Uint8Array | undefined {
    return this.#keys && part(this.#keys, index);
  }

  headersAt(index: number): readonly RecordHeader[] | undefined {
    const packed = this.#headers && part(this.#headers, index);
    return packed && unpackHeaders(packed);
  }

  isTombstone(index: number): boolean {
    return this.bounds[2 * index] === NO_VALUE;
  }

  /** Index of the first record at or after an offset. */
  indexOf(offset: number): number {
    if (offset <= this.base) return 0;
    if (this.#offsets === undefined) return Math.min(offset - this.base, this.count);
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsetAt(middle) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What a reader gets of a stored batch, from a record on. */
export class FrameBatch implements RecordBatch {
  readonly count: number;
  readonly next: number;
  readonly objects = undefined;
  readonly bytes: Uint8Array;
  readonly bounds: Uint32Array;
  readonly schema: string;
  readonly #frame: StoredFrame;
  readonly #from: number;

  constructor(
    readonly partition: number,
    frame: StoredFrame,
    from: number,
  ) {
    this.count = frame.count - from;
    this.next = frame.next;
    this.bytes = frame.bytes;
    this.bounds = from === 0 ? frame.bounds : frame.bounds.subarray(2 * from);
    this.schema = frame.schema;
    this.#frame = frame;
    this.#from = from;
  }

  offset(i: number): number {
    return this.#frame.offsetAt(this.#from + i);
  }

  timestamp(i: number): number {
    return this.#frame.timestampAt(this.#from + i);
  }

  key(i: number): Uint8Array | undefined {
    return this.#frame.keyAt(this.#from + i);
  }

  headers(i: number): readonly RecordHeader[] | undefined {
    return this.#frame.headersAt(this.#from + i);
  }
}

/** About as many bytes as a batch takes, staged or stored. */
export function weightOf(batch: OutgoingBatch): number {
  let weight = HEAD + batch.bytes.byteLength + 8 * batch.count * (batch.timestamps === undefined ? 1 : 2);
  if ((batch.keys ?? batch.headers) !== undefined) for (let i = 0; i < batch.count; i++) weight += 8 + keyAndHeaderBytes(batch, i);
  return weight;
}

function latest({ timestamp, timestamps, count }: FrameContent): number {
  if (timestamps === undefined) return timestamp;
  let latest = -Infinity;
  for (let i = 0; i < count; i++) {
    const own = timestamps[i] ?? timestamp;
    latest = Math.max(latest, Number.isNaN(own) ? timestamp : own);
  }
  return latest;
}

function pack<T>(items: readonly (T | undefined)[], bytesOf: (item: T) => Uint8Array | undefined): Packed {
  const bounds = new Uint32Array(2 * items.length).fill(NO_VALUE);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [i, item] of items.entries()) {
    const bytes = item === undefined ? undefined : bytesOf(item);
    if (bytes === undefined) continue;
    parts.push(bytes);
    bounds[2 * i] = at;
    at += bytes.byteLength;
    bounds[2 * i + 1] = at;
  }
  return { bytes: Buffer.concat(parts, at), bounds };
}

function part({ bytes, bounds }: Packed, index: number): Uint8Array | undefined {
  const start = bounds[2 * index] ?? NO_VALUE;
  return start === NO_VALUE ? undefined : bytes.subarray(start, bounds[2 * index + 1]);
}

function packHeaders(headers: readonly RecordHeader[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, value] of headers) {
    const text = Buffer.from(name, 'utf8');
    const sizes = Buffer.allocUnsafe(8);
    sizes.writeUInt32LE(text.byteLength, 0);
    sizes.writeUInt32LE(value.byteLength, 4);
    parts.push(sizes, text, value);
  }
  return Buffer.concat(parts);
}

function unpackHeaders(packed: Uint8Array): RecordHeader[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const headers: RecordHeader[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const name = at + 8;
    const value = name + bytes.readUInt32LE(at);
    const end = value + bytes.readUInt32LE(at + 4);
    headers.push([bytes.toString('utf8', name, value), bytes.subarray(value, end)]);
    at = end;
  }
  return headers;
}
