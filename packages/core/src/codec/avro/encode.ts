import { BinaryEncoder } from './binary-encoder.js';
import type { Write } from './compile-write.js';

/** One for all. A value whose getter encodes another one finds it at work, and that one gets an encoder of its own. */
const shared = new BinaryEncoder();

/** Writes a value as {@link Codec.encode} does. @throws whatever `write` throws for a value that is not of its type */
export function encodeWith<V>(write: Write<V>, value: V, buffer: Buffer, position: number): number {
  const encoder = shared.isAtWork ? new BinaryEncoder() : shared;
  encoder.start(buffer, position);
  try {
    write(encoder, value);
  } finally {
    encoder.release();
  }
  return encoder.position > buffer.length ? buffer.length - encoder.position : encoder.position;
}
