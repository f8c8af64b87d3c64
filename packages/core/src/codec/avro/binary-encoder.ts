import { copyBytes, targetOf } from '../bytes.js';
import { HAS_FAST_TEXT, type FastBuffer } from './fast-buffer.js';
import { isFloat, isInt64 } from './values.js';

/**
 * Thrown within the encoder for a value that is not of its type, and turned into an error with paths by the codec, which
 * has the whole value.
 */
export class NotOfItsType extends Error {}

const EMPTY = Buffer.alloc(0) as Buffer as FastBuffer;
const int64 = new BigInt64Array(1);
const halves = new Uint32Array(int64.buffer);
// Where the machine is big-endian the halves are the other way round.
const [LOW, HIGH] = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? [0, 1] : [1, 0];

/** A UTF-16 unit takes at most three bytes in UTF-8; a pair of them takes four. */
const MAX_BYTES_PER_UNIT = 3;
/** Up to here a loop over the characters is faster than Node's own writing. */
const SHORT = 24;

/**
 * Writes the binary encoding of the Avro specification ("Binary Encoding") into a buffer that may be too small: then
 * `position` still ends where it would have, so that the caller learns how much is missing.
 */
export class BinaryEncoder {
  position = 0;
  #buffer = EMPTY;

  /** Has a buffer: between {@link start} and {@link release}. */
  get isAtWork(): boolean {
    return this.#buffer !== EMPTY;
  }

  start(buffer: Buffer, position: number): void {
    this.#buffer = buffer as FastBuffer;
    this.position = position;
  }

  /** Forgets the buffer, so that it is not kept alive until the next record. */
  release(): void {
    this.#buffer = EMPTY;
  }

  /** For a value that no code can write. */
  mismatch(): never {
    throw new NotOfItsType();
  }

  writeNull(value: unknown): void {
    if (value !== null) this.mismatch();
  }

  writeBoolean(value: unknown): void {
    if (typeof value !== 'boolean') this.mismatch();
    this.#buffer[this.position++] = value ? 1 : 0;
  }

  writeInt(value: unknown): void {
    if (typeof value !== 'number' || value !== (value | 0)) this.mismatch();
    this.#writeVarint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  writeLong(value: unknown): void {
    if (typeof value !== 'number') this.mismatch();
    if (value === (value | 0)) {
      this.#writeVarint32(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    if (!Number.isSafeInteger(value)) this.mismatch();
    this.#writeZigZag(value >>> 0, Math.floor(value / 0x1_0000_0000));
  }

  writeBigInt(value: unknown): void {
    if (!isInt64(value)) this.mismatch();
    int64[0] = value;
    this.#writeZigZag(halves[LOW] ?? 0, (halves[HIGH] ?? 0) | 0);
  }

  writeDate(value: unknown): void {
    if (!(value instanceof Date)) this.mismatch();
    this.writeLong(value.getTime());
  }

  writeFloat(value: unknown): void {
    if (!isFloat(value)) this.mismatch();
    const position = this.position;
    this.position += 4;
    if (this.position <= this.#buffer.length) this.#buffer.writeFloatLE(value, position);
  }

  writeDouble(value: unknown): void {
    if (typeof value !== 'number') this.mismatch();
    const position = this.position;
    this.position += 8;
    if (this.position <= this.#buffer.length) this.#buffer.writeDoubleLE(value, position);
  }

  writeBytes(value: unknown): void {
    if (!(value instanceof Uint8Array)) this.mismatch();
    this.writeLong(value.length);
    this.#writeRaw(value);
  }

  writeFixed(value: unknown, size: number): void {
    if (!(value instanceof Uint8Array) || value.length !== size) this.mismatch();
    this.#writeRaw(value);
  }

  writeString(value: unknown): void {
    if (typeof value !== 'string') this.mismatch();
    const { length } = value;
    const buffer = this.#buffer;
    const start = this.position;
    if (start + 5 + length * MAX_BYTES_PER_UNIT > buffer.length) {
      this.#writeStringAtTheEnd(value);
      return;
    }
    if (length < SHORT) {
      let position = start + 1;
      let i = 0;
      for (; i < length; i++) {
        const unit = value.charCodeAt(i);
        if (unit > 0x7f) break;
        buffer[position++] = unit;
      }
      if (i === length) {
        buffer[start] = length << 1;
        this.position = position;
        return;
      }
    }
    // Most strings are ASCII: the length is left room for on that guess, and the bytes moved where it was wrong.
    const guessed = sizeOfLength(length);
    const written = HAS_FAST_TEXT ? buffer.utf8Write(value, start + guessed) : buffer.write(value, start + guessed);
    const needed = sizeOfLength(written);
    if (needed !== guessed) buffer.copyWithin(start + needed, start + guessed, start + guessed + written);
    this.writeInt(written);
    this.position = start + needed + written;
  }

  /** What was encoded before, as it is. */
  writeEncoded(bytes: Uint8Array, source: DataView, start: number, end: number): void {
    const position = this.position;
    this.position += end - start;
    if (this.position <= this.#buffer.length) copyBytes(bytes, source, start, end - start, this.#buffer, targetOf(this.#buffer), position);
  }

  /** A symbol of an enum or the branch of a union. */
  writeIndex(index: number | undefined): void {
    if (index === undefined) this.mismatch();
    this.#writeVarint32(index << 1);
  }

  #writeStringAtTheEnd(value: string): void {
    const length = Buffer.byteLength(value);
    this.writeLong(length);
    const position = this.position;
    this.position += length;
    if (this.position <= this.#buffer.length) this.#buffer.write(value, position);
  }

  #writeRaw(value: Uint8Array): void {
    const position = this.position;
    this.position += value.length;
    if (this.position <= this.#buffer.length) this.#buffer.set(value, position);
  }

  /** What falls behind the end of the buffer is dropped by the typed array itself. */
  #writeVarint32(unsigned: number): void {
    const buffer = this.#buffer;
    let position = this.position;
    let rest = unsigned;
    while (rest > 0x7f) {
      buffer[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[position++] = rest;
    this.position = position;
  }

  /** A 64-bit number in two's complement, given in halves. */
  #writeZigZag(low: number, high: number): void {
    const sign = high >> 31;
    let lower = ((low << 1) ^ sign) >>> 0;
    let upper = (((high << 1) | (low >>> 31)) ^ sign) >>> 0;
    const buffer = this.#buffer;
    let position = this.position;
    while (upper !== 0) {
      buffer[position++] = (lower & 0x7f) | 0x80;
      lower = ((lower >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    this.position = position;
    this.#writeVarint32(lower);
  }
}

/** Bytes that the length of a string takes, which is written as a zig-zag varint. */
function sizeOfLength(length: number): number {
  if (length < 0x40) return 1;
  if (length < 0x2000) return 2;
  if (length < 0x10_0000) return 3;
  return length < 0x800_0000 ? 4 : 5;
}
