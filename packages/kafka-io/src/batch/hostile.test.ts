import { MillraceError } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { marker, outgoing, recordsOf, wireBatch, wireRecord, withChecksum, type WireBatch, type WireRecord } from './fixtures.js';
import { AT, ATTRIBUTE, COMPRESSION_IDS, HEADER_BYTES, UNCOUNTED_BYTES } from './format.js';
import { BatchBuilder, decodeRecordSet, type Compression, type DecodeOptions } from './index.js';

const OPTIONS: DecodeOptions = { topic: 'a.topic', partition: 4, from: 100, framing: 'single-object', isolation: 'read_committed' };

/** What is said of a batch, which begins at offset 100. */
function refusal(bytes: Buffer, options = OPTIONS): string {
  try {
    decodeRecordSet(bytes, options);
  } catch (error) {
    if (!MillraceError.is(error, 'MILLRACE_BATCH_UNREADABLE')) throw error;
    expect(error).toMatchObject({ channel: 'a.topic', partition: 4, offset: 100 });
    const place = 'MILLRACE_BATCH_UNREADABLE: topic a.topic, partition 4, offset 100: ';
    expect(error.message.slice(0, place.length)).toBe(place);
    return error.message.slice(place.length);
  }
  throw new Error('nothing was refused');
}

const batch = (fields: Omit<WireBatch, 'records'> & { readonly records?: readonly Buffer[] }) => wireBatch({ baseOffset: 100, records: [wireRecord({ value: 'value' })], ...fields });
const record = (fields: WireRecord) => batch({ records: [wireRecord(fields)] });
const ofRecord = (index: number, what: string) => `record ${index} of the batch is damaged: it ${what}`;
const withLength = (bytes: Buffer, length: number) => {
  bytes.writeInt32BE(length, AT.length);
  return bytes;
};

describe('a record batch that is none', () => {
  it.each<[what: string, bytes: Buffer, refusal: string | RegExp]>([
    ['a flipped byte', Buffer.from(batch({}).map((byte, i) => (i === 70 ? byte ^ 1 : byte))), /^the record batch is damaged: its checksum is [0-9a-f]{8}, not [0-9a-f]{8}$/],
    ['another checksum', Buffer.from(batch({}).map((byte, i) => (i === AT.crc ? byte ^ 0x80 : byte))), /^the record batch is damaged: its checksum/],
    ['a later format', batch({ magic: 3 }), 'a record batch says that it is of format 3; only 2 is known'],
    ['a length below its header', withLength(batch({}), HEADER_BYTES - UNCOUNTED_BYTES - 1), 'a record batch says that it has 60 bytes, less than its header alone'],
    ['a negative length', withLength(batch({}), -5), 'a record batch says that it has 7 bytes, less than its header alone'],
    ['an end before its beginning', batch({ lastOffsetDelta: -1 }), 'the record batch ends 1 before it begins'],
    ['more records than offsets', batch({ lastOffsetDelta: 0, records: [wireRecord({}), wireRecord({ delta: 1 })] }), 'the record batch claims 2 records at 1 offsets'],
    ['a negative count', batch({ count: -1, lastOffsetDelta: 5 }), 'the record batch claims -1 records at 6 offsets'],
    ['more records than bytes', batch({ count: 1_000_000_000, lastOffsetDelta: 2_000_000_000 }), 'the record batch claims 1000000000 records in 12 bytes'],
    ['an unknown compression', batch({ attributes: 5 }), 'the record batch cannot be unpacked: it is packed with compression 5, which is not known; known are gzip, snappy, lz4 and zstd'],
    ['fewer records than its bytes', batch({ count: 0, lastOffsetDelta: 0 }), '12 bytes are left in the batch after its 0 records'],
    ['bytes behind its records', batch({ count: 1, records: [wireRecord({}), Buffer.from('more')] }), '4 bytes are left in the batch after its 1 records'],
    ['a control record without a key', batch({ attributes: ATTRIBUTE.control, records: [wireRecord({})] }), 'a control record does not say what it is for'],
    ['a control record with a short key', batch({ attributes: ATTRIBUTE.control, records: [wireRecord({ key: 'abc' })] }), 'a control record does not say what it is for'],
    ['a control batch with more bytes than records', batch({ attributes: ATTRIBUTE.control, count: 1, records: [wireRecord({ key: 'abcd' }), Buffer.from('more')] }), '4 bytes are left in the batch after its 1 records'],
    ['a record that is too small', record({ size: 5 }), ofRecord(0, 'has a size of 5, with 6 bytes left in the batch')],
    ['a record that is larger than the batch', record({ size: 100 }), ofRecord(0, 'has a size of 100, with 6 bytes left in the batch')],
    ['a negative size', record({ size: -1 }), ofRecord(0, 'has a size of -1, with 6 bytes left in the batch')],
    ['a size without an end', batch({ records: [Buffer.alloc(7, 0xff)] }), ofRecord(0, 'holds a number that has no end')],
    ['a key that is larger than the record', record({ keySize: 100 }), ofRecord(0, 'has a key of 100 bytes, with 2 left in the record')],
    ['a negative size of the key', record({ keySize: -2 }), ofRecord(0, 'has a key of -2 bytes, with 2 left in the record')],
    ['a value that is larger than the record', record({ valueSize: 2 ** 30 }), ofRecord(0, `has a value of ${2 ** 30} bytes, with 1 left in the record`)],
    ['a negative size of the value', record({ valueSize: -7 }), ofRecord(0, 'has a value of -7 bytes, with 1 left in the record')],
    ['a value up to the very end', record({ value: 'abc', headers: [] }), ofRecord(0, 'has a value of 3 bytes, with 3 left in the record')],
    ['an offset before the one before', batch({ lastOffsetDelta: 5, records: [wireRecord({ delta: 3 }), wireRecord({ delta: 2 })] }), ofRecord(1, 'is 2 after the first offset, where 4 to 5 may be')],
    ['an offset twice', batch({ lastOffsetDelta: 5, records: [wireRecord({ delta: 3 }), wireRecord({ delta: 3 })] }), ofRecord(1, 'is 3 after the first offset, where 4 to 5 may be')],
    ['an offset behind the last', batch({ lastOffsetDelta: 5, records: [wireRecord({ delta: 6 })] }), ofRecord(0, 'is 6 after the first offset, where 0 to 5 may be')],
    ['a negative offset', record({ delta: -1 }), ofRecord(0, 'is -1 after the first offset, where 0 to 0 may be')],
    ['a timestamp without an end', batch({ records: [Buffer.concat([Buffer.of(2 * 11, 0), Buffer.alloc(10, 0xff)])] }), ofRecord(0, 'holds a number that has no end')],
    ['a negative number of headers', record({ headers: [-1] }), ofRecord(0, 'claims -1 headers in 0 bytes')],
    ['more headers than bytes', record({ headers: [2 ** 30, 1, 'n', 1, 'v'] }), ofRecord(0, `claims ${2 ** 30} headers in 4 bytes`)],
    ['a header without a name', record({ headers: [1, -1, 1, 'v'] }), ofRecord(0, 'has a header with a name of -1 bytes')],
    ['a name behind the record', record({ headers: [1, 50, 'n', 1, 'v'] }), ofRecord(0, 'has a header with a name of 50 bytes')],
    ['a value of a header behind the record', record({ headers: [1, 1, 'n', 50, 'v'] }), ofRecord(0, 'has a header with a value of 50 bytes')],
    ['a negative value of a header', record({ headers: [1, 1, 'n', -2, 'v'] }), ofRecord(0, 'has a header with a value of -2 bytes')],
    ['bytes behind its headers', record({ headers: [0, 'more'] }), ofRecord(0, 'ends 4 bytes after its headers')],
  ])('is refused: %s', (_what, bytes, said) => {
    if (typeof said === 'string') expect(refusal(bytes)).toBe(said);
    else expect(refusal(bytes)).toMatch(said);
  });

  it('is refused where it begins within the one before', () => {
    const bytes = Buffer.concat([wireBatch({ baseOffset: 90, lastOffsetDelta: 10, records: [] }), batch({})]);
    expect(refusal(bytes, { ...OPTIONS, from: 101 })).toBe('the record batch stands behind one that ends at offset 100');
  });

  it.each([['in its header', AT.crc], ['in its records', HEADER_BYTES]])('is met after those before it: damage %s', (_where, at) => {
    const good = Array.from({ length: 5 }, (_, i) => wireBatch({ baseOffset: 95 + i, records: [wireRecord({ value: `${95 + i}` })] }));
    const damaged = batch({});
    damaged[at] = 0xff;
    if (at > AT.crc) withChecksum(damaged);
    const bytes = Buffer.concat([...good, damaged, wireBatch({ baseOffset: 101, records: [wireRecord({})] })]);
    const { batches, next } = decodeRecordSet(bytes, { ...OPTIONS, from: 97 });
    expect(recordsOf(batches).map((record) => record.value)).toEqual(['97', '98', '99']);
    expect([next, batches.at(-1)?.next]).toEqual([100, 100]);
    expect(refusal(bytes, { ...OPTIONS, from: next })).toMatch(/damaged/);
  });

  it('is refused where its offset is none', () => {
    for (const baseOffset of [-1, 2 ** 53 - 2 ** 31]) expect(() => decodeRecordSet(wireBatch({ baseOffset, records: [] }), OPTIONS)).toThrow(`topic a.topic, partition 4, offset ${baseOffset}: the record batch begins at an offset that none can have`);
  });

  it('is refused where it is packed badly, whatever the packing', () => {
    for (const attributes of Object.values(COMPRESSION_IDS).slice(1)) {
      for (const bytes of [Buffer.of(0), Buffer.alloc(5), Buffer.from('no such thing, but rather a text that goes on')]) {
        expect(refusal(batch({ attributes, count: 1, records: [bytes] }))).toMatch(/^the record batch (cannot be unpacked: |claims 1 records in 0 bytes)/);
      }
    }
  });
});

/** A generator of its own, so that a seed gives the same bytes on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Batches of all kinds, one after the other, and where each begins. */
function sample(random: () => number): { bytes: Buffer; starts: number[] } {
  const compressions: Compression[] = ['none', 'none', 'none', 'none', 'gzip', 'lz4', 'zstd'];
  const parts: Buffer[] = [];
  let offset = 100;
  while (parts.length < 4) {
    const records = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, i) => ({
      value: random() < 0.1 ? undefined : Buffer.from(random() < 0.5 ? `\u00c3\u0001${'schema'.repeat(3)}` : `value ${i} `.repeat(Math.floor(random() * 30)), 'latin1'),
      key: random() < 0.3 ? Buffer.from(`key ${i}`) : undefined,
      headers: random() < 0.3 ? [['name', Buffer.from('header')] as const, ['name', Buffer.alloc(0)] as const] : undefined,
      timestamp: random() < 0.3 ? Math.floor(random() * 2e12) : undefined,
    }));
    const builder = new BatchBuilder(1 << 20);
    builder.append(outgoing(records, 1_700_000_000_000), 0);
    const sealed = Buffer.from(builder.seal({ producerId: Math.floor(random() * 3), producerEpoch: 0, baseSequence: 0, transactional: random() < 0.5, compression: compressions[Math.floor(random() * compressions.length)] }));
    sealed.writeBigInt64BE(BigInt(offset), 0);
    offset += records.length;
    parts.push(sealed);
    if (random() < 0.3) parts.push(marker(offset++, Math.floor(random() * 3), random() < 0.5 ? 'abort' : 'commit'));
  }
  let end = 0;
  return { bytes: Buffer.concat(parts), starts: parts.map((part) => (end += part.length) - part.length) };
}

/** Gives every batch whose place is still known the checksum of its bytes. */
function fixChecksums(bytes: Buffer, starts: readonly number[]): void {
  starts.forEach((start, i) => {
    const end = Math.min(starts[i + 1] ?? bytes.length, bytes.length);
    if (end - start >= HEADER_BYTES) withChecksum(bytes.subarray(start, end));
  });
}

function mutate(bytes: Buffer, random: () => number): Buffer {
  const at = () => Math.floor(random() * bytes.length);
  const mutated = Buffer.from(bytes);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    const kind = random();
    if (kind < 0.4) mutated[at()]! ^= 1 << Math.floor(random() * 8);
    else if (kind < 0.7) mutated[at()] = [0, 1, 0x7f, 0x80, 0xff][Math.floor(random() * 5)]!;
    else if (kind < 0.8) mutated.fill(0xff, at(), at());
    else if (kind < 0.9) mutated.copyWithin(at(), at(), at());
    else return Buffer.from(mutated.subarray(0, at()));
  }
  return mutated;
}

describe('mutated bytes', () => {
  it.each([1, 2, 3, 4])('are read or refused, and never anything else: seed %s', (seed) => {
    const random = mulberry32(seed);
    const samples = Array.from({ length: 100 }, () => sample(random));
    const outcomes = { read: 0, refused: 0, checksums: 0, cut: 0 };
    for (let run = 0; run < 4000; run++) {
      const { bytes, starts } = samples[run % samples.length]!;
      const mutated = mutate(bytes, random);
      // The parser behind the checksum is to be met as well.
      if (run % 2 === 0) fixChecksums(mutated, starts);
      const options: DecodeOptions = { ...OPTIONS, from: 100, maxBytes: 1 << 20, framing: random() < 0.5 ? 'single-object' : 'none', abortedTransactions: [{ producerId: 1, firstOffset: 100 }] };
      try {
        const { batches, next, tooLarge } = decodeRecordSet(mutated, options);
        let before = options.from;
        for (const { offset } of recordsOf(batches)) {
          if (offset < before) throw new Error(`offset ${offset} comes after ${before - 1}`);
          before = offset + 1;
        }
        if (next < before || (batches.at(-1)?.next ?? next) !== next) throw new Error(`${next} is to come next after ${before - 1}`);
        outcomes[tooLarge === undefined ? 'read' : 'cut']++;
      } catch (error) {
        if (!MillraceError.is(error, 'MILLRACE_BATCH_UNREADABLE')) throw error;
        if (error.channel !== 'a.topic' || error.partition !== 4 || error.offset === undefined) throw new Error('the error does not say where', { cause: error });
        outcomes[error.message.includes('its checksum') ? 'checksums' : 'refused']++;
      }
    }
    // All of it was really met.
    expect(Math.min(...Object.values(outcomes)), JSON.stringify(outcomes)).toBeGreaterThan(50);
  });
});
