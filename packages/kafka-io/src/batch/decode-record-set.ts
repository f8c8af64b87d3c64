import type { RecordBatch } from '@millrace/core';
import { AbortedProducers, type AbortedTransaction } from './aborted-producers.js';
import { batchSize, readHeader, type BatchHeader } from './batch-header.js';
import { decompress } from './compression/index.js';
import { asBuffer, COMPRESSION_IDS, HEADER_BYTES, SMALLEST_RECORD } from './format.js';
import { isAbortMarker, readRecords, type RecordsBody } from './read-records.js';
import { RecordCollector } from './record-collector.js';
import { unreadable, type BatchPlace } from './unreadable.js';

export interface DecodeOptions {
  readonly topic: string;
  readonly partition: number;
  /** The position that was asked for: records before it, which a broker sends where a batch holds both, are left out. */
  readonly from: number;
  /** `single-object`: values begin with `C3 01` and a fingerprint, which becomes the schema of the batch. */
  readonly framing: 'single-object' | 'none';
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** As the broker listed them beside the records, in any order. Not looked at under read_uncommitted. */
  readonly abortedTransactions?: readonly AbortedTransaction[] | null | undefined;
  /**
   * Bytes that one batch may be unpacked to. Once all batches together pass it, the rest is left for another fetch. Default
   * 64 MiB.
   */
  readonly maxBytes?: number | undefined;
}

export interface DecodedRecordSet {
  /** In order; empty where nothing is to be seen. The last one's `next` is that of the whole. */
  readonly batches: readonly RecordBatch[];
  /** The position to fetch from next: past control batches, what was aborted, and what compaction took. */
  readonly next: number;
  /**
   * Bytes of the first batch, where it did not come whole: nothing can be read before so many are asked for. At least 61; that,
   * where not even its length came.
   */
  readonly tooLarge: number | undefined;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Reads the `records` of one partition in a Fetch response of version 4 or later. The batches are views of the buffer, which
 * must not be written again. A batch that is cut off at the end, as brokers send, is left for the next fetch.
 *
 * Where something is wrong with a batch, those before it are given first: the next fetch begins with it, and throws.
 *
 * A value without the frame that `single-object` asks for comes in a batch whose schema is empty, as do records that all are
 * without a value.
 *
 * @throws MillraceError `MILLRACE_BATCH_UNREADABLE` for bytes that are damaged, of a message format before Kafka 0.11, packed
 * in an unknown way or unpacked larger than `maxBytes`.
 * @see https://kafka.apache.org/documentation/#recordbatch
 */
export function decodeRecordSet(records: Uint8Array, options: DecodeOptions): DecodedRecordSet {
  const { topic, partition, from, isolation, maxBytes = DEFAULT_MAX_BYTES } = options;
  const buffer = asBuffer(records);
  const aborted = isolation === 'read_committed' ? new AbortedProducers(options.abortedTransactions ?? []) : undefined;
  const collector = new RecordCollector(partition);
  const readOptions = { from, isFramed: options.framing === 'single-object' };
  let next = from;
  let tooLarge: number | undefined;
  let unpackedTotal = 0;
  let lastOffset = -1;
  let start = 0;
  try {
    while (start < buffer.length && unpackedTotal < maxBytes) {
      const size = batchSize(buffer, start, { topic, partition, offset: next });
      if (size === undefined || size > buffer.length - start) {
        if (start === 0) tooLarge = size ?? HEADER_BYTES;
        break;
      }
      const end = start + size;
      const header = readHeader(buffer, start, end, { topic, partition, offset: next });
      const place = { topic, partition, offset: header.baseOffset };
      if (header.baseOffset <= lastOffset) throw unreadable(place, `the record batch stands behind one that ends at offset ${lastOffset}`);
      lastOffset = header.lastOffset;
      aborted?.advance(lastOffset);
      const isSeen = lastOffset >= from && !header.isControl && !(header.isTransactional && aborted?.has(header.producerId) === true);
      const isMarker = header.isControl && aborted !== undefined;
      if (isSeen || isMarker) {
        const body = unpack(buffer, start + HEADER_BYTES, end, header, maxBytes, place);
        if (body.bytes !== buffer) unpackedTotal += body.end;
        if (isSeen) readRecords(body, readOptions, collector, place);
        else if (isAbortMarker(body, place)) aborted?.end(header.producerId);
      }
      next = Math.max(next, lastOffset + 1);
      start = end;
    }
  } catch (error) {
    if (next === from) throw error;
    return decodeRecordSet(buffer.subarray(0, start), options);
  }
  return { batches: collector.finish(next), next, tooLarge };
}

function unpack(buffer: Buffer, start: number, end: number, header: BatchHeader, maxBytes: number, place: BatchPlace): RecordsBody {
  // What compaction left empty is not packed either.
  const isPacked = header.compression !== COMPRESSION_IDS.none && end > start;
  const bytes = isPacked ? unpackedBytes(buffer.subarray(start, end), header.compression, maxBytes, place) : buffer;
  const body = isPacked ? { header, bytes, start: 0, end: bytes.length } : { header, bytes, start, end };
  if (header.count * SMALLEST_RECORD > body.end - body.start) throw unreadable(place, `the record batch claims ${header.count} records in ${body.end - body.start} bytes`);
  return body;
}

function unpackedBytes(packed: Buffer, compression: number, maxBytes: number, place: BatchPlace): Buffer {
  try {
    return decompress(compression, packed, maxBytes);
  } catch (error) {
    throw unreadable(place, `the record batch cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
