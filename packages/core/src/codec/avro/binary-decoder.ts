import { asBuffer, checkRange } from '../bytes.js';
import { HAS_FAST_TEXT, type FastBuffer } from './fast-buffer.js';
import { MAX_FREE_VALUES, MAX_VALUE_DEPTH } from './limits.js';
import type { Literal } from './schema.js';

const EMPTY = Buffer.alloc(0);
/** The largest time that a Date says, in milliseconds either side of 1970. */
const MAX_TIME = 8.64e15;
const TWO_32 = 0x1_0000_0000;
/** Up to here a loop is faster than the call that copies. */
const SHORT = 32;

/**
 * Reads the binary encoding of the Avro specification ("Binary Encoding") from bytes that nobody vouches for. Every read is
 * checked against the end of the record; what takes no byte is counted.
 */
export class BinaryDecoder {
  /** What was read last, as it was given and as a Buffer. Kept until other bytes come: a batch has thousands of records. */
  #bytes: Uint8Array = EMPTY;
  #buffer = EMPTY as FastBuffer;
  #start = 0;
  #position = 0;
  #end = 0;
  #free = 0;
  #depth = 0;
  #low = 0;
  #high = 0;

  start(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#buffer = asBuffer(bytes) as FastBuffer;
    }
    checkRange(bytes, start, end);
    this.#start = start;
    this.#position = start;
    this.#end = end;
    this.#free = MAX_FREE_VALUES + end - start;
    this.#depth = 0;
  }

  /** Where the next read begins, in the bytes. */
  get position(): number {
    return this.#position;
  }

  /** Goes on from another place, which whoever calls has read up to. */
  moveTo(position: number): void {
    this.#position = position;
  }

  /** To be called after the last read: what is left over means that the bytes are something else. */
  finish(): void {
    if (this.#position !== this.#end) this.fail(`${this.#end - this.#position} bytes are left over`);
  }

  fail(what: string): never {
    const at = Math.min(this.#position, this.#end) - this.#start;
    throw new Error(`${what} (at byte ${at} of ${this.#end - this.#start})`);
  }

  /** Into a record of a type that can contain itself. */
  enter(): void {
    if (++this.#depth > MAX_VALUE_DEPTH) this.fail(`records nest deeper than ${MAX_VALUE_DEPTH}`);
  }

  leave(): void {
    this.#depth--;
  }

  /** Takes values that no byte stands for out of what one record may have of them. */
  charge(values: number): void {
    this.#free -= values;
    if (this.#free < 0) this.fail(`more than ${MAX_FREE_VALUES} values that take no byte`);
  }

  readBoolean(): boolean {
    if (this.#position >= this.#end) this.fail('the record ends within a boolean');
    const byte = this.#buffer[this.#position++];
    if (byte !== 0 && byte !== 1) this.fail(`a boolean is ${byte}`);
    return byte === 1;
  }

  readInt(): number {
    const small = this.#readSmall();
    if (small !== undefined) return small;
    this.#readZigZag();
    if (this.#high !== this.#low >> 31) this.fail('a number exceeds 32 bits');
    return this.#low;
  }

  /** @returns a whole number that JavaScript holds exactly. */
  readLong(): number {
    const small = this.#readSmall();
    if (small !== undefined) return small;
    const value = this.readLongInexactly();
    if (!Number.isSafeInteger(value)) this.fail('a number exceeds ±(2^53-1); read it as bigint');
    return value;
  }

  /** For a long that is read as a float or double, which the specification allows to round. */
  readLongInexactly(): number {
    this.#readZigZag();
    return this.#high * TWO_32 + (this.#low >>> 0);
  }

  readBigInt(): bigint {
    this.#readZigZag();
    const value = this.#high * TWO_32 + (this.#low >>> 0);
    return Number.isSafeInteger(value) ? BigInt(value) : (BigInt(this.#high) << 32n) | BigInt(this.#low >>> 0);
  }

  readDate(): Date {
    const time = this.readLongInexactly();
    if (time < -MAX_TIME || time > MAX_TIME) this.fail('a time exceeds what a Date holds');
    return new Date(time);
  }

  readFloat(): number {
    return this.#buffer.readFloatLE(this.#take(4, 'a float'));
  }

  readDouble(): number {
    return this.#buffer.readDoubleLE(this.#take(8, 'a double'));
  }

  readString(): string {
    const length = this.readLong();
    const start = this.#take(length, 'a string');
    return HAS_FAST_TEXT ? this.#buffer.utf8Slice(start, this.#position) : this.#buffer.toString('utf8', start, this.#position);
  }

  readBytes(): Uint8Array {
    return this.readFixed(this.readLong());
  }

  /** A copy: a value that is kept must not keep its whole batch, nor change when the batch's buffer is used again. */
  readFixed(size: number): Uint8Array {
    const start = this.#take(size, 'bytes');
    const bytes = new Uint8Array(size);
    if (size > SHORT) {
      this.#buffer.copy(bytes, 0, start, start + size);
      return bytes;
    }
    for (let i = 0; i < size; i++) bytes[i] = this.#buffer[start + i] ?? 0;
    return bytes;
  }

  readBuffer(): Buffer {
    return Buffer.from(this.readBytes().buffer);
  }

  readKey(): string {
    const key = this.readString();
    if (key === '__proto__') this.fail('a map has the key __proto__, which no object can have');
    return key;
  }

  readSymbol(symbols: readonly string[]): string {
    return symbols[this.readLong()] ?? this.fail('an enum has an index beyond its symbols');
  }

  /** The branch of a union; whoever calls deals with one that is not there. */
  readIndex(): number {
    return this.readLong();
  }

  /** A value that must be one of a few. */
  oneOf<V extends Literal>(allowed: ReadonlySet<Literal>, value: V): V {
    if (!allowed.has(value)) this.fail('a value is none of those that its schema lists');
    return value;
  }

  /**
   * The number of items in the next block of an array or map; 0 at the end.
   *
   * @param minBytes the fewest bytes that one of them takes.
   * @param freeValues where that is 0, the values that one of them makes.
   */
  readBlock(minBytes: number, freeValues: number): number {
    let count = this.readLong();
    if (count < 0) {
      count = -count;
      if (this.readLong() < 0) this.fail('a block has a negative size');
    }
    if (count === 0) return 0;
    if (minBytes === 0) this.charge(count * freeValues);
    else if (count * minBytes > this.#end - this.#position) this.fail(`a block has ${count} items, more than the record has room for`);
    return count;
  }

  /** Like `readBlock` for items that nobody wants; passes over blocks that say how many bytes they have. */
  skipBlock(minBytes: number): number {
    for (;;) {
      const count = this.readLong();
      if (count >= 0) {
        if (count * minBytes > this.#end - this.#position) this.fail(`a block has ${count} items, more than the record has room for`);
        return count;
      }
      this.skipFixed(this.readLong());
    }
  }

  skipVarint(): void {
    this.#readZigZag();
  }

  skipFixed(size: number): void {
    this.#take(size, 'bytes');
  }

  /** Past a string or bytes. */
  skipBytes(): void {
    this.skipFixed(this.readLong());
  }

  #take(size: number, what: string): number {
    const start = this.#position;
    if (size < 0 || size > this.#end - start) this.fail(size < 0 ? `${what} has a negative length` : `the record ends within ${what}`);
    this.#position = start + size;
    return start;
  }

  /** A number of up to four bytes, as most are; undefined for any other. */
  #readSmall(): number | undefined {
    const buffer = this.#buffer;
    let position = this.#position;
    // Past the end of the buffer a byte is undefined, which counts as 0; what lies past the record is refused below.
    let byte = buffer[position++] as number;
    let bits = byte & 0x7f;
    if (byte >= 0x80) {
      byte = buffer[position++] as number;
      bits |= (byte & 0x7f) << 7;
      if (byte >= 0x80) {
        byte = buffer[position++] as number;
        bits |= (byte & 0x7f) << 14;
        if (byte >= 0x80) {
          byte = buffer[position++] as number;
          bits |= (byte & 0x7f) << 21;
          if (byte >= 0x80) return undefined;
        }
      }
    }
    if (position > this.#end) return undefined;
    this.#position = position;
    return (bits >>> 1) ^ -(bits & 1);
  }

  /** A number of up to 64 bits in two's complement, left in `#low` and `#high`, both signed. */
  #readZigZag(): void {
    const buffer = this.#buffer;
    const end = this.#end;
    let position = this.#position;
    let low = 0;
    let high = 0;
    let shift = 0;
    for (;;) {
      if (position >= end) this.fail('the record ends within a number');
      const byte = buffer[position++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else if (bits > 1) this.fail('a number exceeds 64 bits');
      else high |= bits << 31;
      if (byte < 0x80) break;
      shift += 7;
      if (shift > 63) this.fail('a number takes more than ten bytes');
    }
    this.#position = position;
    const sign = -(low & 1);
    this.#low = ((low >>> 1) | (high << 31)) ^ sign;
    this.#high = (high >>> 1) ^ sign;
  }
}
