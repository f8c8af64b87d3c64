import { NO_VALUE } from '@millrace/core';
import type { BatchHeader } from './batch-header.js';
import { NULL_LENGTH } from './format.js';
import { RecordCollector } from './record-collector.js';
import { unreadable, type BatchPlace } from './unreadable.js';
import { readVarint, readVarlong, varintEnd } from './varint.js';

/** The records of one batch, unpacked: `bytes` from `start` to `end`. */
export interface RecordsBody {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export interface ReadOptions {
  /** Records before it are left out. */
  readonly from: number;
  /** Values of Avro's single-object encoding lose their ten bytes, which name the schema. */
  readonly isFramed: boolean;
}

/** `C3 01`, then the fingerprint. */
const FRAME_BYTES = 10;
const SMALLEST_BODY = 6;
/** Version and type, of 16 bits each. */
const CONTROL_KEY_BYTES = 4;
const ABORT = 0;

/**
 * Parses the records of a batch into a collector. Every length is held against what encloses it.
 *
 * @throws MillraceError `MILLRACE_BATCH_UNREADABLE`
 */
export function readRecords(body: RecordsBody, { from, isFramed }: ReadOptions, collector: RecordCollector, place: BatchPlace): void {
  const { bytes } = body;
  const { count, baseOffset, baseTimestamp, appendTime } = body.header;
  const lastDelta = body.header.lastOffset - baseOffset;
  collector.expect(count, bytes);
  let position = body.start;
  let previousDelta = -1;
  let schema: string | undefined;
  let schemaLow = 0;
  let schemaHigh = 0;
  for (let i = 0; i < count; i++) {
    const size = readVarint(bytes, position);
    position = varintEnd();
    const end = position + size;
    // Attributes of a record are not in use, and passed over as Kafka's own client does.
    position++;
    if (!(size >= SMALLEST_BODY && end <= body.end)) throw damaged(place, i, size, `has a size of ${size}, with ${body.end - position + 1} bytes left in the batch`);

    let timestamp = baseTimestamp + readVarlong(bytes, position);
    position = varintEnd();
    const delta = readVarint(bytes, position);
    position = varintEnd();
    if (!(delta > previousDelta && delta <= lastDelta) || Number.isNaN(timestamp)) throw damaged(place, i, delta + timestamp, `is ${delta} after the first offset, where ${previousDelta + 1} to ${lastDelta} may be`);
    previousDelta = delta;

    let keyPosition = position;
    const keySize = readVarint(bytes, position);
    position = varintEnd();
    if (keySize > 0) position += keySize;
    if (!(keySize >= NULL_LENGTH && position < end)) throw damaged(place, i, keySize, `has a key of ${keySize} bytes, with ${end - varintEnd()} left in the record`);

    const valueSize = readVarint(bytes, position);
    let start = varintEnd();
    position = valueSize > 0 ? start + valueSize : start;
    if (!(valueSize >= NULL_LENGTH && position < end)) throw damaged(place, i, valueSize, `has a value of ${valueSize} bytes, with ${end - start} left in the record`);
    const valueEnd = position;

    if (bytes[position] === 0) position++;
    else position = skipHeaders(bytes, position, end, place, i);
    if (position !== end) throw damaged(place, i, position, `ends ${end - position} bytes after its headers`);

    const offset = baseOffset + delta;
    if (offset < from) continue;
    if (keySize === NULL_LENGTH && end - valueEnd === 1) keyPosition = 0;
    if (appendTime !== undefined) timestamp = appendTime;
    if (valueSize === NULL_LENGTH) {
      collector.add(NO_VALUE, NO_VALUE, undefined, offset, timestamp, keyPosition);
      continue;
    }
    if (!isFramed || valueSize < FRAME_BYTES || bytes[start] !== 0xc3 || bytes[start + 1] !== 0x01) {
      collector.add(start, valueEnd, '', offset, timestamp, keyPosition);
      continue;
    }
    const low = int32LE(bytes, start + 2);
    const high = int32LE(bytes, start + 6);
    if (schema === undefined || low !== schemaLow || high !== schemaHigh) {
      schema = fingerprintOf(low, high);
      schemaLow = low;
      schemaHigh = high;
    }
    start += FRAME_BYTES;
    collector.add(start, valueEnd, schema, offset, timestamp, keyPosition);
  }
  if (position !== body.end) throw unreadable(place, `${body.end - position} bytes are left in the batch after its ${count} records`);
}

/** Whether a control batch ends a transaction by aborting it. Other kinds of control records are passed over. */
export function isAbortMarker(body: RecordsBody, place: BatchPlace): boolean {
  if (body.header.count === 0) return false;
  const collector = new RecordCollector(place.partition);
  readRecords(body, { from: 0, isFramed: false }, collector, place);
  const key = collector.finish(body.header.lastOffset + 1)[0]?.key(0);
  if (key === undefined || key.length < CONTROL_KEY_BYTES) throw unreadable(place, 'a control record does not say what it is for');
  return (key[2]! << 8 | key[3]!) === ABORT;
}

/** Where the headers end. */
function skipHeaders(bytes: Buffer, start: number, end: number, place: BatchPlace, index: number): number {
  const count = readVarint(bytes, start);
  let position = varintEnd();
  // A header takes two bytes at least, which keeps a hostile count from holding anything up.
  if (!(count >= 0 && 2 * count <= end - position)) throw damaged(place, index, count, `claims ${count} headers in ${end - position} bytes`);
  for (let i = 0; i < count; i++) {
    const nameSize = readVarint(bytes, position);
    position = varintEnd() + nameSize;
    if (!(nameSize >= 0 && position < end)) throw damaged(place, index, nameSize, `has a header with a name of ${nameSize} bytes`);
    const valueSize = readVarint(bytes, position);
    position = valueSize > 0 ? varintEnd() + valueSize : varintEnd();
    if (!(valueSize >= NULL_LENGTH && position <= end)) throw damaged(place, index, valueSize, `has a header with a value of ${valueSize} bytes`);
  }
  return position;
}

/** @param number that was read and has no sense; NaN where not even that could be read. */
function damaged(place: BatchPlace, index: number, number: number, what: string): Error {
  return unreadable(place, `record ${index} of the batch is damaged: it ${Number.isNaN(number) ? 'holds a number that has no end' : what}`);
}

function int32LE(bytes: Buffer, position: number): number {
  return bytes[position]! | (bytes[position + 1]! << 8) | (bytes[position + 2]! << 16) | (bytes[position + 3]! << 24);
}

/** 16 hexadecimal digits, most significant first, as core prints fingerprints. */
function fingerprintOf(low: number, high: number): string {
  return hex(high) + hex(low);
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
