import { equal, holds } from '../check.js';
import { numbered, type Entry } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'retention';

export const retentionCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'records that some group has not committed past stay, whatever the others do',
    async run(context) {
      const channel = await context.channel({ groups: ['fast', 'slow'], partitions: 2 });
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      for (const partition of [0, 1]) for (let i = 0; i < 3; i++) await replica.write(writer, context.batch(numbered(100, 100 * i), { partition }));
      await replica.commit();
      const [fast, slow] = [await replica.reader(channel, { group: 'fast', partitions: [0, 1] }), await replica.reader(channel, { group: 'slow', partitions: [0] })];
      const all = await replica.read(fast, 600);
      const some = await replica.read(slow, 300);
      await replica.commit(new Map([...all.positions, [slow, new Map([[0, some.entries[150]?.offset ?? -1]])]]));
      const next = await context.replica();
      equal((await next.read(await next.reader(channel, { group: 'slow', partitions: [0] }), 150)).values, numbered(150, 150), 'what the slow group still has to read in partition 0');
      equal((await next.read(await next.reader(channel, { group: 'slow', partitions: [1] }), 300)).values, numbered(300), 'what it has to read in partition 1');
    },
  },
  {
    group,
    name: 'records that every group has committed past go, and starts say so',
    needs: ['bounded'],
    async run(context) {
      const channel = await context.channel({ groups: ['one', 'two'] });
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(200)), context.batch(numbered(5, 200)));
      const end = (await context.describe(channel)).ends.get(0) ?? -1;
      for (const name of ['one', 'two']) {
        const reader = await replica.reader(channel, { group: name });
        await replica.commit((await replica.read(reader, 205)).positions);
      }
      await context.waiting.until(async () => (await context.describe(channel)).starts.get(0) === end, 'the start moves to the end once all is consumed');
      const { offsets } = await replica.placed(channel, { group: 'three' });
      equal(offsets, new Map([[0, end]]), 'position of a group that comes later');
    },
  },
  {
    group,
    name: 'retention keeps at least so many consumed records',
    needs: ['replay'],
    async run(context) {
      const channel = await context.channel({ groups: ['one'], retention: { records: 50 } });
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), ...Array.from({ length: 20 }, (_, i) => context.batch(numbered(10, 10 * i))));
      await replica.commit((await replica.read(await replica.reader(channel, { group: 'one' }), 200)).positions);
      const { starts, ends } = await context.describe(channel);
      const kept = (ends.get(0) ?? 0) - (starts.get(0) ?? 0);
      holds(kept >= 50, `50 consumed records are kept, not ${kept}`);
      const later = await replica.reader(channel, { group: 'two' });
      const { values } = await replica.read(later, kept);
      equal(values.slice(-50), numbered(50, 150), 'the last fifty records, read again');
    },
  },
  {
    group,
    name: 'a compacted channel keeps the latest record of each key, at its offset',
    needs: ['compaction'],
    async run(context) {
      const channel = await context.channel({ retention: { compact: true } });
      const replica = await context.replica({ maxStepBytes: 1024 ** 3 });
      const writer = await replica.writer(channel);
      const keys = Array.from({ length: 100 }, (_, i) => `key ${i % 50}`);
      let written = 0;
      for (; written < 5000; written += 100) await replica.publish(writer, context.batch(numbered(100, written), { keys }));
      const removed = Array.from({ length: 10 }, (_, i) => `key ${i}`);
      await replica.publish(writer, context.batch(removed.map(() => undefined), { keys: removed }));
      await replica.publish(writer, context.batch(['the last'], { keys: ['last'] }));
      const entries = await all(context, channel);
      const latest = new Map(entries.map((entry) => [entry.key, entry.value]));
      const expected = new Map(Array.from({ length: 40 }, (_, i) => [`key ${i + 10}`, `record ${4960 + i}`]));
      equal(new Map([...latest].filter(([, value]) => value !== undefined)), new Map([...expected, ['last', 'the last']]), 'the latest value of each key');
      const again = await all(context, channel);
      const offsets = new Map(entries.map(({ key, offset }) => [key, offset]));
      for (const { key, value, offset } of again) if (latest.get(key) === value) holds((offsets.get(key) ?? -1) <= offset, `a record keeps its offset: ${key ?? ''} at ${offset}`);
    },
  },
];

/** Reads a channel from its start to its end, as the position says and not a count. */
async function all(context: Parameters<ConformanceCase['run']>[0], channel: string): Promise<Entry[]> {
  const replica = await context.replica();
  const { reader, offsets } = await replica.placed(channel, { group: context.name('group') });
  const end = (await context.waiting.within(reader.endOffsets(), 'endOffsets')).get(0) ?? 0;
  const entries: Entry[] = [];
  let position = offsets.get(0) ?? 0;
  while (position < end) {
    const batch = reader.readRecords();
    if (batch === undefined) {
      await replica.awake(`the position ${position} is not yet at the end ${end}`);
      continue;
    }
    entries.push(...replica.take(reader, batch));
    position = batch.next;
  }
  await replica.session.close();
  return entries;
}
