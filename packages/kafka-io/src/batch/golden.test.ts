import { readFileSync } from 'node:fs';
import type { RecordBatch } from '@millrace/core';
import { expect, it } from 'vitest';
import { latin1, recordsOf } from './fixtures.js';
import { decodeRecordSet, type DecodeOptions } from './index.js';

interface Golden {
  readonly name: string;
  readonly bytes: string;
  readonly next: number;
  readonly records: readonly { readonly offset: number; readonly timestamp: number; readonly key: string | null; readonly value: string | null; readonly headers: readonly (readonly [string, string | null])[] }[];
}

/** Batches as Kafka's own classes write them, and what those read back: see RecordBatches.java beside it. */
const GOLDEN = JSON.parse(readFileSync(new URL('../../fixtures/record-batches/golden.json', import.meta.url), 'utf8')) as Golden[];
const OPTIONS: DecodeOptions = { topic: 'topic', partition: 3, from: 4_294_967_300, framing: 'none', isolation: 'read_uncommitted' };

const bytes = (base64: string | null) => (base64 === null ? undefined : Buffer.from(base64, 'base64'));
const golden = (name: string) => GOLDEN.find((each) => each.name === name)!;

/** A header's value of null is read as empty: the SPI has none. */
const expected = ({ records }: Golden) => records.map(({ key, value, headers, ...rest }) => ({
  ...rest,
  key: latin1(bytes(key)),
  value: latin1(bytes(value)),
  headers: headers.map(([name, header]) => [String(bytes(name)), latin1(bytes(header ?? ''))]),
}));

const checkPositions = (batches: readonly RecordBatch[], next: number) => {
  batches.forEach((batch, i) => expect(batch.next).toBe(batches[i + 1]?.offset(0) ?? next));
};

const readable = GOLDEN.filter(({ name }) => !name.startsWith('format-'));

it.each(readable.map(({ name }) => name))('reads what Kafka wrote: %s', (name) => {
  const each = golden(name);
  const { batches, next, tooLarge } = decodeRecordSet(Buffer.from(each.bytes, 'base64'), OPTIONS);
  expect(recordsOf(batches)).toEqual(expected(each));
  expect(next).toBe(each.next);
  expect(tooLarge).toBeUndefined();
  checkPositions(batches, next);
});

it('has them all', () => {
  expect(readable.map(({ name }) => name)).toEqual([
    'none', 'gzip', 'snappy', 'lz4', 'zstd', 'log-append-time', 'compacted', 'compacted-with-delete-horizon', 'compacted-empty-inside', 'compacted-empty', 'transactions',
  ]);
});

it('leaves the aborted transactions of several producers out', () => {
  const abortedTransactions = [{ producerId: 2, firstOffset: OPTIONS.from + 1 }, { producerId: 1, firstOffset: OPTIONS.from }];
  const { batches, next } = decodeRecordSet(Buffer.from(golden('transactions').bytes, 'base64'), { ...OPTIONS, isolation: 'read_committed', abortedTransactions });
  expect(recordsOf(batches).map(({ value }) => value)).toEqual(['committed 3', 'committed 1']);
  expect(next).toBe(OPTIONS.from + 10);
  checkPositions(batches, next);
});

it.each(['format-0', 'format-1'])('refuses messages of an old format with a way out: %s', (name) => {
  expect(() => decodeRecordSet(Buffer.from(golden(name).bytes, 'base64'), OPTIONS)).toThrow(
    `MILLRACE_BATCH_UNREADABLE: topic topic, partition 3, offset 4294967300: it holds messages of format ${name.at(-1)}, older than Kafka 0.11, which are not read here;`,
  );
});
