import type { Buffer } from 'node:buffer';

/**
 * Decodes the primitive types of Kafka's protocol. Byte strings are views of the buffer, which is never written again.
 * Reading beyond the end throws a RangeError.
 */
export class Reader {
  constructor(
    readonly buffer: Buffer,
    public offset = 0,
  ) {}

  get remaining(): number {
    return this.buffer.length - this.offset;
  }

  int8(): number {
    const value = this.buffer.readInt8(this.offset);
    this.offset += 1;
    return value;
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.offset);
    this.offset += 2;
    return value;
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.offset);
    this.offset += 4;
    return value;
  }

  /** @throws RangeError where the number is not exact in a double */
  int64(): number {
    const high = this.buffer.readInt32BE(this.offset);
    const value = high * 2 ** 32 + this.buffer.readUInt32BE(this.offset + 4);
    if (!Number.isSafeInteger(value)) throw new RangeError(`${this.buffer.readBigInt64BE(this.offset)} is beyond the integers that JavaScript holds exactly`);
    this.offset += 8;
    return value;
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer.readUInt8(this.offset++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint is longer than five bytes');
  }

  string(): string {
    return this.utf8(this.int16());
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.utf8(length);
  }

  compactString(): string {
    return this.utf8(this.unsignedVarint() - 1);
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.utf8(length);
  }

  /** As base64url, as Kafka prints them. */
  uuid(): string {
    return this.view(16).toString('base64url');
  }

  /** A view; null gives an empty one. */
  bytes(): Buffer {
    return this.view(Math.max(0, this.int32()));
  }

  /** A view; null gives an empty one. */
  compactBytes(): Buffer {
    return this.view(Math.max(0, this.unsignedVarint() - 1));
  }

  /** Null gives an empty array. */
  array<T>(read: () => T): T[] {
    return this.items(this.int32(), read);
  }

  compactArray<T>(read: () => T): T[] {
    return this.items(this.unsignedVarint() - 1, read);
  }

  /** Passes tagged fields over: none that is known here matters. */
  tags(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint();
      this.view(this.unsignedVarint());
    }
  }

  private items<T>(count: number, read: () => T): T[] {
    if (count > this.remaining) throw new RangeError(`an array of ${count} items does not fit into ${this.remaining} bytes`);
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  private utf8(length: number): string {
    if (length < 0) throw new RangeError('a string is null that must not be');
    return this.view(length).toString('utf8');
  }

  private view(length: number): Buffer {
    if (length > this.remaining) throw new RangeError(`${length} bytes are announced, ${this.remaining} are there`);
    const view = this.buffer.subarray(this.offset, this.offset + length);
    this.offset += length;
    return view;
  }
}
