import { isUtf8 } from 'node:buffer';

/** The same bytes as a Buffer, whose methods read text and numbers. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** @throws Error where `start` and `end` are no part of the bytes. */
export function checkRange(bytes: Uint8Array, start: number, end: number): void {
  if (!(start >= 0 && start <= end && end <= bytes.length)) throw new Error(`the bytes ${start} to ${end} of ${bytes.length} are asked for`);
}

/**
 * The text of these bytes, read strictly.
 *
 * @throws Error for bytes that are no UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  checkRange(bytes, start, end);
  const buffer = asBuffer(bytes);
  const text = buffer.toString('utf8', start, end);
  // U+FFFD may have been written, or stand for what is no UTF-8; only then it is worth a second look.
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) throw new Error('the bytes are no UTF-8');
  return text;
}

/** A copy of these bytes that shares nothing with them. */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  checkRange(bytes, start, end);
  const copy = new Uint8Array(end - start);
  asBuffer(bytes).copy(copy, 0, start, end);
  return copy;
}
