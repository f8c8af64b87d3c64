import { MillraceError, type OutgoingBatch } from '@millrace/core';
import { equal, failsWith, holds } from '../check.js';
import type { ConformanceContext } from '../context.js';
import { REFUSED, SCHEMA, TIMESTAMP, batchOf, entriesOf, numbered, valuesOf, type BatchOptions, type Entry } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'records';

/** Sends batches through a fresh channel and gives what arrives. */
async function through(context: ConformanceContext, batches: readonly OutgoingBatch[], partitions = 1): Promise<readonly Entry[]> {
  const channel = await context.channel({ partitions });
  const [source, sink] = [await context.replica(), await context.replica()];
  await source.publish(await source.writer(channel), ...batches);
  const reader = await sink.reader(channel, { partitions: Array.from({ length: partitions }, (_, partition) => partition) });
  const { entries } = await sink.read(reader, batches.reduce((sum, { count }) => sum + count, 0));
  return entries;
}

export const recordCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'batches of every size arrive whole and in order, their offsets rising',
    async run(context) {
      const sizes = [1, 2, 1, 63, 64, 65, 1, 300, 1, 1, 128];
      let sent = 0;
      const batches = sizes.map((size) => context.batch(numbered(size, (sent += size) - size)));
      const entries = await through(context, batches);
      equal(entries.map(({ value }) => value), numbered(sent), 'values');
      for (const [i, { offset }] of entries.entries()) holds(i === 0 || offset > (entries[i - 1]?.offset ?? 0), 'offsets rise from batch to batch');
    },
  },
  {
    group,
    name: 'records stay in the partition that their batch names',
    async run(context) {
      const entries = await through(context, [0, 1, 2, 1, 0].map((partition, i) => context.batch([`batch ${i}`], { partition })), 3);
      const found = new Map([0, 1, 2].map((partition) => [partition, entries.filter((entry) => entry.partition === partition).map(({ value }) => value)]));
      equal(found, new Map([[0, ['batch 0', 'batch 4']], [1, ['batch 1', 'batch 3']], [2, ['batch 2']]]), 'values per partition');
    },
  },
  {
    group,
    name: 'a partition that the channel does not have is refused, and the batch is not taken',
    async run(context) {
      const channel = await context.channel({ partitions: 2 });
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      let refused = false;
      try {
        await writer.writeRecords(context.batch(['astray'], { partition: 2 }));
      } catch (error) {
        refused = MillraceError.is(error);
      }
      holds(refused, 'a write to partition 2 of 2 rejects with an error of Millrace');
      await replica.publish(writer, context.batch(['here'], { partition: 1 }));
      equal((await replica.read(await replica.reader(channel, { partitions: [0, 1] }), 1)).values, ['here'], 'records in the channel');
    },
  },
  {
    group,
    name: 'keys arrive as they were: none, empty, and any bytes',
    async run(context) {
      const keys = [undefined, '', 'key', '\u0000\u00ff\u0080', undefined, 'k'.repeat(1000)];
      const small = await through(context, [context.batch(numbered(6), { keys }), context.batch(['no keys at all'])]);
      equal(small.map(({ key }) => key), [...keys, undefined], 'keys');
      const many = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? undefined : `key ${i}`));
      equal((await through(context, [context.batch(numbered(200), { keys: many })])).map(({ key }) => key), many, 'keys of a large batch');
    },
  },
  {
    group,
    name: 'headers arrive in their order, repeated names, empty and binary values included',
    async run(context) {
      const headers = [undefined, [['a', '1'], ['b', ''], ['a', '2']], [], [['binary', '\u0000\u00ff']]] as const;
      const entries = await through(context, [context.batch(['before']), context.batch(numbered(4), { headers }), context.batch(['after'])]);
      equal(entries.map((entry) => entry.headers), [[], [], [['a', '1'], ['b', ''], ['a', '2']], [], [['binary', '\u0000\u00ff']], []], 'headers');
    },
  },
  {
    group,
    name: 'timestamps are those of the records, or of their batch where it names none',
    async run(context) {
      const entries = await through(context, [
        context.batch(['a', 'b']),
        context.batch(['c', 'd', 'e'], { timestamp: TIMESTAMP + 5, timestamps: [TIMESTAMP + 1, Number.NaN, TIMESTAMP + 3] }),
        context.batch(['f'], { timestamp: TIMESTAMP + 9 }),
      ]);
      equal(entries.map(({ timestamp }) => timestamp - TIMESTAMP), [0, 0, 1, 5, 3, 9], 'timestamps after the first');
    },
  },
  {
    group,
    name: 'a record without a value is not one of an empty value',
    async run(context) {
      const values = ['', undefined, 'full', undefined, ''];
      const entries = await through(context, [context.batch(values, { keys: ['a', 'b', 'c', 'd', 'e'] }), context.batch([undefined], { keys: ['f'] })]);
      equal(entries.map(({ value }) => value), [...values, undefined], 'values');
      equal(entries.map(({ key }) => key), ['a', 'b', 'c', 'd', 'e', 'f'], 'keys');
    },
  },
  {
    group,
    name: 'each batch keeps the fingerprint of its schema',
    async run(context) {
      const [a, b] = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'];
      const entries = await through(context, [context.batch(['1', '2'], { schema: a }), context.batch(['3'], { schema: b }), context.batch(['4'], { schema: a }), context.batch(['5'])]);
      equal(entries.map(({ schema }) => schema), [a, a, b, a, SCHEMA], 'fingerprints');
    },
  },
  {
    group,
    name: 'a batch of no records is taken without effect',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      await replica.write(writer, context.batch([]));
      equal((await replica.commit()).ends, new Map(), 'ends after an empty batch');
      await replica.publish(writer, context.batch([]), context.batch(['one']), context.batch([]));
      equal((await replica.read(await replica.reader(channel), 1)).values, ['one'], 'records between empty batches');
    },
  },
  {
    group,
    name: 'values that the writer encodes itself are written as those that came encoded',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      if (writer.writeValues === undefined) return;
      // Of lengths around those where a size takes another byte, small ones behind large ones too; beside them all that a record has.
      const values = [0, 100_000, 1, 62, 63, 64, 65, 127, 128, 8_190, 8_191, 8_192, 20, 300].map((length, i) => `${i}`.padEnd(length, '.').slice(0, length));
      const batches: [readonly string[], BatchOptions][] = [
        [values, {}],
        [[], {}],
        [Array.from({ length: 500 }, (_, i) => `${i}`), { schema: 'a'.repeat(16), timestamp: TIMESTAMP + 5 }],
        [['a', 'b', 'c'], { keys: ['k', undefined, ''], headers: [[['h', 'v']], undefined, []], timestamps: [TIMESTAMP + 1, NaN, TIMESTAMP] }],
      ];
      for (const [texts, options] of batches) {
        const records = valuesOf(texts, options);
        const { bytes, room } = writer.writeValues(records);
        records.values.fill(undefined);
        equal(bytes, texts.reduce((sum, text) => sum + text.length, 0), 'bytes that values took');
        await context.waiting.within(room ?? Promise.resolve(), 'room after values');
      }
      await replica.commit();
      const count = batches.reduce((sum, [texts]) => sum + texts.length, 0);
      const ours = await replica.read(await replica.reader(channel), count);
      const encoded = await through(context, batches.filter(([texts]) => texts.length > 0).map(([texts, options]) => batchOf('bytes', texts, options)));
      equal(ours.entries, encoded, 'records whose values the writer encoded');
    },
  },
  {
    group,
    name: 'of values among which one cannot be encoded none is taken',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      if (writer.writeValues === undefined) return;
      const { recordBytes } = (await context.transport()).limits;
      const huge = recordBytes === Infinity ? [] : ['x'.repeat(recordBytes + 1)];
      const many = Array.from({ length: 20_000 }, () => 'a value that is not to be seen by anybody');
      await replica.write(writer, context.batch(['before']));
      await failsWith('MILLRACE_VALUE_INVALID', 'a value that cannot be encoded', () => writer.writeValues?.(valuesOf([...many, REFUSED])));
      for (const value of huge) await failsWith('MILLRACE_RECORD_TOO_LARGE', 'a value over the limit', () => writer.writeValues?.(valuesOf([...many, value])));
      await context.waiting.within(writer.writeValues(valuesOf(['after'])).room ?? Promise.resolve(), 'room after values');
      await replica.commit();
      await failsWith('MILLRACE_VALUE_INVALID', 'a first value that cannot be encoded', () => writer.writeValues?.(valuesOf([REFUSED])));
      equal((await replica.commit()).ends, new Map(), 'ends after nothing was taken');
      await replica.publish(writer, context.batch(['last']));
      equal((await replica.read(await replica.reader(channel), 3)).values, ['before', 'after', 'last'], 'values beside those that were refused');
    },
  },
  {
    group,
    name: 'a batch that was given out never changes, whatever is written and read afterwards',
    async run(context) {
      const channel = await context.channel();
      const [source, one, two] = [await context.replica(), await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      const readers = [await one.reader(channel, { group: 'one' }), await two.reader(channel, { group: 'two' })] as const;
      await source.publish(writer, context.batch(numbered(3)));
      await context.waiting.until(() => readers[0].hasRecords(), 'records to read');
      const early = await context.waiting.within(nextBatch(() => readers[0].readRecords(), (what) => one.awake(what)), 'a batch');
      const before = entriesOf(early);
      await source.publish(writer, context.batch(['late'], { keys: ['k'], headers: [[['h', 'v']]], timestamp: TIMESTAMP + 7 }), context.batch(numbered(100, 4)));
      await two.read(readers[1], 104);
      equal(entriesOf(early), before, 'the first batch after more was written');
      one.take(readers[0], early);
      const rest = await one.read(readers[0], 104 - before.length);
      equal(entriesOf(early), before, 'the first batch after the same reader read on');
      equal([...before, ...rest.entries].map(({ value }) => value), [...numbered(3), 'late', ...numbered(100, 4)], 'all values of the first group');
    },
  },
  {
    group,
    name: 'objects arrive by reference',
    needs: ['objects'],
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const objects = Array.from({ length: 200 }, (_, n) => ({ n, when: new Date(n) }));
      const plain = { bytes: new Uint8Array(0), bounds: new Uint32Array(0), partition: 0, schema: SCHEMA, timestamp: TIMESTAMP };
      const writer = await replica.writer(channel);
      await replica.publish(writer, { ...plain, count: 198, objects: objects.slice(0, 198) }, { ...plain, count: 2, objects: objects.slice(198) });
      const reader = await replica.reader(channel);
      const seen: unknown[] = [];
      while (seen.length < objects.length) seen.push(...((await nextBatch(() => reader.readRecords(), (what) => replica.awake(what))).objects ?? []));
      holds(seen.length === 200 && seen.every((value, i) => value === objects[i]), 'the objects that arrive are the ones that were sent');
    },
  },
  {
    group,
    name: 'a large batch passes whole, larger than the bound of a channel or not',
    async run(context) {
      const { largeBatch } = context.options;
      const channel = await context.channel({ groups: ['large'] });
      const [source, sink] = [await context.replica({ maxStepBytes: 1024 ** 3 }), await context.replica()];
      const writer = await source.writer(channel);
      const reader = await sink.reader(channel, { group: 'large' });
      const drain = async (): Promise<void> => {
        const { values, positions } = await sink.read(reader, largeBatch);
        holds(values.every((value, i) => value === `record ${i}`), `${largeBatch} records arrive in order`);
        await sink.commit(positions);
      };
      await Promise.all([source.publish(writer, context.batch(numbered(largeBatch))), drain()]);
    },
  },
  {
    group,
    name: 'a large record passes; one over the limit of the backend is refused and leaves nothing behind',
    async run(context) {
      const transport = await context.transport();
      const channel = await context.channel();
      const replica = await context.replica({ maxStepBytes: 1024 ** 3 });
      const writer = await replica.writer(channel);
      const large = 'x'.repeat(Math.min(context.options.largeRecord, Math.floor(0.9 * transport.limits.recordBytes)));
      await replica.publish(writer, context.batch([large, 'small']));
      const reader = await replica.reader(channel);
      const first = await replica.read(reader, 2);
      equal([first.values[0]?.length, first.values[0] === large, first.values[1]], [large.length, true, 'small'], 'length and content of a large record, and its neighbour');
      await replica.commit(first.positions);
      if (context.payload === 'objects' || transport.limits.recordBytes > 64 * 1024 * 1024) return;
      const tooLarge = 'x'.repeat(transport.limits.recordBytes + 1);
      await failsWith('MILLRACE_RECORD_TOO_LARGE', 'a record over the limit', () => writer.writeRecords(context.batch(['neighbour', tooLarge])));
      await replica.publish(writer, context.batch(['next']));
      equal((await replica.read(reader, 1)).values, ['next'], 'records after the refused batch');
    },
  },
];

/** Reads until there is a batch, sleeping in between. */
async function nextBatch<T>(read: () => T | undefined, awake: (what: string) => Promise<void>): Promise<T> {
  for (;;) {
    const batch = read();
    if (batch !== undefined) return batch;
    await awake('a batch is still to come');
  }
}
