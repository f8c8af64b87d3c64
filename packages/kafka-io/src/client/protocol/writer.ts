import { Buffer } from 'node:buffer';

/** Bytes of a frame's size. */
const SIZE = 4;

/**
 * Encodes the primitive types of Kafka's protocol, big-endian, into buffers that grow; large byte strings are taken as they are,
 * not copied. Source: kafka.apache.org/protocol, "Protocol Primitive Types"; KIP-482 for the compact ones.
 */
export class Writer {
  private readonly parts: Uint8Array[] = [];
  private buffer: Buffer;
  private start = 0;
  private end = SIZE;
  private done = 0;

  constructor(capacity = 512) {
    this.buffer = Buffer.allocUnsafe(capacity);
  }

  /** All that was written, in order, after its size as Kafka frames a request. The writer is not used afterwards. */
  frame(): Uint8Array[] {
    const first = this.parts.length === 0 ? this.buffer : (this.parts[0] as Buffer);
    first.writeInt32BE(this.done + this.end - this.start - SIZE, 0);
    this.close();
    return this.parts;
  }

  int8(value: number): this {
    this.end = this.room(1).writeInt8(value, this.end);
    return this;
  }

  int16(value: number): this {
    this.end = this.room(2).writeInt16BE(value, this.end);
    return this;
  }

  int32(value: number): this {
    this.end = this.room(4).writeInt32BE(value, this.end);
    return this;
  }

  /** A whole number in the safe range. */
  int64(value: number): this {
    const high = Math.floor(value / 2 ** 32);
    const buffer = this.room(8);
    buffer.writeInt32BE(high, this.end);
    this.end = buffer.writeUInt32BE(value - high * 2 ** 32, this.end + 4);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  unsignedVarint(value: number): this {
    const buffer = this.room(5);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) buffer[this.end++] = (rest & 0x7f) | 0x80;
    buffer[this.end++] = rest;
    return this;
  }

  string(value: string): this {
    const length = Buffer.byteLength(value);
    this.int16(length);
    return this.utf8(value, length);
  }

  nullableString(value: string | null): this {
    return value === null ? this.int16(-1) : this.string(value);
  }

  compactString(value: string): this {
    const length = Buffer.byteLength(value);
    this.unsignedVarint(length + 1);
    return this.utf8(value, length);
  }

  compactNullableString(value: string | null): this {
    return value === null ? this.unsignedVarint(0) : this.compactString(value);
  }

  /** Sixteen bytes, given as base64url. */
  uuid(value: string): this {
    const buffer = this.room(16); // moves the end
    this.end += buffer.write(value, this.end, 16, 'base64url');
    return this;
  }

  /** Length and bytes; the bytes go to the socket from where they are and must not change until they were sent. */
  bytes(value: Uint8Array): this {
    this.int32(value.length);
    this.close();
    this.parts.push(value);
    this.done += value.length;
    return this;
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) write(item);
    return this;
  }

  /** No tagged fields. Ends every structure of a flexible version; the body's own are written by who sends it. */
  tags(): this {
    return this.unsignedVarint(0);
  }

  private utf8(value: string, length: number): this {
    const buffer = this.room(length); // moves the end
    this.end += buffer.write(value, this.end, length, 'utf8');
    return this;
  }

  private room(bytes: number): Buffer {
    if (this.end + bytes > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(512, 2 * (this.end - this.start), this.end - this.start + bytes));
      this.buffer.copy(grown, 0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
      this.buffer = grown;
    }
    return this.buffer;
  }

  private close(): void {
    if (this.end === this.start) return;
    this.parts.push(this.buffer.subarray(this.start, this.end));
    this.done += this.end - this.start;
    this.start = this.end;
  }
}
