import { crc32c } from '@node-rs/crc32';
import { AT, ATTRIBUTE, HEADER_BYTES, MAGIC, readInt64, UNCOUNTED_BYTES } from './format.js';
import { unreadable, type BatchPlace } from './unreadable.js';

export interface BatchHeader {
  readonly baseOffset: number;
  readonly lastOffset: number;
  /** See `COMPRESSION_IDS`. */
  readonly compression: number;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly baseTimestamp: number;
  /** Of every record, where the topic takes the broker's time. */
  readonly appendTime: number | undefined;
  readonly producerId: number;
  readonly count: number;
}

/** Above it offsets would not be exact. */
const MAX_BASE_OFFSET = Number.MAX_SAFE_INTEGER - 0x8000_0000;

/**
 * Bytes of the batch that begins here, also of one that goes on behind the buffer; `undefined` where the buffer ends before
 * that can be told.
 *
 * @throws MillraceError `MILLRACE_BATCH_UNREADABLE` for an older message format and for a length that none can have.
 */
export function batchSize(buffer: Buffer, start: number, place: BatchPlace): number | undefined {
  if (buffer.length - start <= AT.magic) return undefined;
  const magic = buffer[start + AT.magic]!;
  if (magic === 0 || magic === 1) {
    throw unreadable(place, `it holds messages of format ${magic}, older than Kafka 0.11, which are not read here; rewrite the topic with the record format of Kafka 0.11 or later, or start behind them`);
  }
  if (magic !== MAGIC) throw unreadable(place, `a record batch says that it is of format ${magic}; only ${MAGIC} is known`);
  const size = UNCOUNTED_BYTES + buffer.readInt32BE(start + AT.length);
  if (size < HEADER_BYTES) throw unreadable(place, `a record batch says that it has ${size} bytes, less than its header alone`);
  return size;
}

/**
 * The header of a batch that is there as a whole.
 *
 * @throws MillraceError `MILLRACE_BATCH_UNREADABLE` where the checksum is not that of the bytes, or a field has no sense.
 */
export function readHeader(buffer: Buffer, start: number, end: number, { topic, partition }: BatchPlace): BatchHeader {
  const baseOffset = readInt64(buffer, start + AT.baseOffset);
  const place = { topic, partition, offset: baseOffset };
  const expected = buffer.readUInt32BE(start + AT.crc);
  const actual = crc32c(buffer.subarray(start + AT.attributes, end));
  if (expected !== actual) throw unreadable(place, `the record batch is damaged: its checksum is ${hex(actual)}, not ${hex(expected)}`);
  const attributes = buffer.readInt16BE(start + AT.attributes);
  const lastOffsetDelta = buffer.readInt32BE(start + AT.lastOffsetDelta);
  const count = buffer.readInt32BE(start + AT.count);
  if (!(baseOffset >= 0 && baseOffset <= MAX_BASE_OFFSET)) throw unreadable(place, 'the record batch begins at an offset that none can have');
  if (lastOffsetDelta < 0) throw unreadable(place, `the record batch ends ${-lastOffsetDelta} before it begins`);
  if (count < 0 || count > lastOffsetDelta + 1) throw unreadable(place, `the record batch claims ${count} records at ${lastOffsetDelta + 1} offsets`);
  return {
    baseOffset,
    lastOffset: baseOffset + lastOffsetDelta,
    compression: attributes & ATTRIBUTE.compression,
    isTransactional: (attributes & ATTRIBUTE.transactional) !== 0,
    isControl: (attributes & ATTRIBUTE.control) !== 0,
    baseTimestamp: readInt64(buffer, start + AT.baseTimestamp),
    appendTime: (attributes & ATTRIBUTE.logAppendTime) === 0 ? undefined : readInt64(buffer, start + AT.maxTimestamp),
    producerId: readInt64(buffer, start + AT.producerId),
    count,
  };
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
