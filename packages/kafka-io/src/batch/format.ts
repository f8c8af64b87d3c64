/**
 * The record batch of magic 2, which is what a topic's log, a Produce and a Fetch are made of.
 *
 * @see https://kafka.apache.org/documentation/#recordbatch
 */

/** Where the fields of a batch begin, from its first byte. All are big-endian. */
export const AT = {
  baseOffset: 0,
  /** Bytes after this field. */
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  /** CRC-32C of everything after this field. */
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const;

/** Bytes before the first record. */
export const HEADER_BYTES = AT.records;
/** Bytes that the length of a batch does not count: base offset and the length itself. */
export const UNCOUNTED_BYTES = AT.leaderEpoch;
export const MAGIC = 2;

export const ATTRIBUTE = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const;

/** Key, value, or header value that is null: a length of -1. */
export const NULL_LENGTH = -1;
/** Length, attributes, timestamp, offset, key, value, number of headers: a byte each. */
export const SMALLEST_RECORD = 7;

/** `compression` of the attributes. */
export const COMPRESSION_IDS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

const TWO_32 = 0x1_0000_0000;

/** A signed 64-bit number; exact up to 2^53. */
export function readInt64(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * TWO_32 + buffer.readUInt32BE(position + 4);
}

/** Writes a whole number of up to 2^53 as a signed 64-bit one. */
export function writeInt64(buffer: Buffer, value: number, position: number): void {
  buffer.writeInt32BE(Math.floor(value / TWO_32), position);
  buffer.writeUInt32BE(value - Math.floor(value / TWO_32) * TWO_32, position + 4);
}

/** The same bytes as a Buffer, whose methods read text and numbers. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
