import { equal, holds } from '../check.js';
import { TIMESTAMP, numbered } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'reading';

export const readingCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'a group without a committed position begins where start says: earliest, latest, or at a time',
    async run(context) {
      const channel = await context.channel({ groups: ['keeper'] });
      const source = await context.replica();
      const writer = await source.writer(channel);
      await source.publish(writer, context.batch(numbered(3), { timestamps: [TIMESTAMP, TIMESTAMP + 10, TIMESTAMP + 20] }), context.batch(['record 3'], { timestamp: TIMESTAMP + 30 }));
      const sink = await context.replica();
      const end = (await context.describe(channel)).ends.get(0) ?? -1;
      const readers = {
        earliest: await sink.placed(channel, { group: 'a', start: 'earliest' }),
        latest: await sink.placed(channel, { group: 'b', start: 'latest' }),
        time: await sink.placed(channel, { group: 'c', start: TIMESTAMP + 20 }),
        between: await sink.placed(channel, { group: 'd', start: TIMESTAMP + 11 }),
        future: await sink.placed(channel, { group: 'e', start: TIMESTAMP + 1000 }),
      };
      equal(readers.latest.offsets, new Map([[0, end]]), 'position at the latest');
      await source.publish(writer, context.batch(['record 4'], { timestamp: TIMESTAMP + 2000 }));
      equal((await sink.read(readers.earliest.reader, 5)).values, numbered(5), 'from the earliest');
      equal((await sink.read(readers.latest.reader, 1)).values, ['record 4'], 'from the latest');
      equal((await sink.read(readers.time.reader, 3)).values, numbered(3, 2), 'from the time of a record');
      equal((await sink.read(readers.between.reader, 3)).values, numbered(3, 2), 'from a time between two records');
      equal((await sink.read(readers.future.reader, 1)).values, ['record 4'], 'from a time after all records');
    },
  },
  {
    group,
    name: 'a committed position counts, whatever start says',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(5)));
      const reader = await replica.reader(channel);
      const { entries } = await replica.read(reader, 5);
      const at = entries[2]?.offset ?? -1;
      await replica.commit(new Map([[reader, new Map([[0, at]])]]));
      for (const start of ['earliest', 'latest', 0] as const) equal((await replica.placed(channel, { start })).offsets, new Map([[0, at]]), `position with start ${start}`);
    },
  },
  {
    group,
    name: 'groups of the specification exist from the first record on: a slow starter misses nothing',
    async run(context) {
      const channel = await context.channel({ groups: ['fast', 'slow'] });
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(80)), context.batch(['record 80']));
      const fast = await replica.read(await replica.reader(channel, { group: 'fast' }), 81);
      await replica.commit(fast.positions);
      equal((await replica.read(await replica.reader(channel, { group: 'slow', start: 'latest' }), 81)).values, numbered(81), 'records of the slow group');
    },
  },
  {
    group,
    name: 'groups read independently, each every record; broadcast groups too',
    async run(context) {
      const channel = await context.channel();
      const groups = [channel, `${channel}#0`, `${channel}#1`];
      const source = await context.replica();
      const replicas = await Promise.all(groups.map(() => context.replica()));
      const readers = await Promise.all(replicas.map((replica, i) => replica.reader(channel, { group: groups[i] ?? '' })));
      await source.publish(await source.writer(channel), context.batch(numbered(100)));
      for (const [i, replica] of replicas.entries()) {
        const [reader] = readers.slice(i);
        if (reader === undefined) continue;
        const { values, entries } = await replica.read(reader, 100);
        equal(values, numbered(100), `records of group ${i}`);
        await replica.commit(new Map([[reader, new Map([[0, entries[10 * i]?.offset ?? -1]])]]));
      }
      const description = await context.describe(channel);
      const start = description.starts.get(0) ?? 0;
      equal(groups.map((name) => (description.groups.get(name)?.get(0) ?? -1) - start), [0, 10, 20], 'positions of the groups, counted from the first record');
    },
  },
  {
    group,
    name: 'sessions of one group share its partitions; whoever takes one over goes on where it was committed',
    async run(context) {
      const channel = await context.channel({ partitions: 4 });
      const source = await context.replica();
      const writer = await source.writer(channel);
      const publish = (from: number) => source.publish(writer, ...[0, 1, 2, 3].map((partition) => context.batch(numbered(10, from), { partition })));
      await publish(0);
      const [one, two] = [await context.replica(), await context.replica()];
      const [even, odd] = [await one.reader(channel, { partitions: [0, 2] }), await two.reader(channel, { partitions: [1, 3] })];
      for (const [replica, reader, mine] of [[one, even, [0, 2]], [two, odd, [1, 3]]] as const) {
        const { entries, positions } = await replica.read(reader, 20);
        equal([...new Set(entries.map(({ partition }) => partition))].sort(), mine, 'partitions of a reader');
        await replica.commit(positions);
        await replica.session.close();
      }
      await publish(10);
      const all = await context.replica();
      const { entries } = await all.read(await all.reader(channel, { partitions: [3, 2, 1, 0] }), 40);
      for (const partition of [0, 1, 2, 3]) equal(entries.filter((entry) => entry.partition === partition).map(({ value }) => value), numbered(10, 10), `records of partition ${partition} after it was taken over`);
    },
  },
  {
    group,
    name: 'a group that comes later reads what retention kept, from the first record',
    needs: ['replay'],
    async run(context) {
      const channel = await context.channel({ groups: ['first'], retention: { records: 1000 } });
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(70)), context.batch(numbered(30, 70)));
      const first = await replica.read(await replica.reader(channel, { group: 'first' }), 100);
      await replica.commit(first.positions);
      const later = await context.replica({}, await context.connect());
      equal((await later.read(await later.reader(channel, { group: 'second' }), 100)).values, numbered(100), 'records of the second group');
      const reader = await later.reader(channel, { group: 'first' });
      later.seek(reader, 0, first.entries[40]?.offset ?? -1);
      equal((await later.read(reader, 60)).values, numbered(60, 40), 'records of the first group after it went back');
    },
  },
  {
    group,
    name: 'seek goes back, forward, and before the start to the first record that is there',
    async run(context) {
      const channel = await context.channel({ partitions: 2 });
      const replica = await context.replica();
      const writer = await replica.writer(channel);
      for (const partition of [0, 1]) await replica.write(writer, context.batch(numbered(100), { partition }));
      await replica.commit();
      const reader = await replica.reader(channel, { partitions: [0, 1] });
      const { entries } = await replica.read(reader, 200);
      const offset = (partition: number, index: number): number => entries.filter((entry) => entry.partition === partition)[index]?.offset ?? -1;
      replica.seek(reader, 0, offset(0, 95));
      equal((await replica.read(reader, 5)).values, numbered(5, 95), 'records after going back in one partition');
      replica.seek(reader, 1, 0);
      const again = await replica.read(reader, 100);
      equal(again.values, numbered(100), 'records after going back before the start');
      replica.seek(reader, 0, offset(0, 10));
      replica.seek(reader, 0, offset(0, 99));
      equal((await replica.read(reader, 1)).values, ['record 99'], 'records after going forward');
      await replica.nothing(reader, 'nothing is left');
    },
  },
  {
    group,
    name: 'a seek holds for what had been fetched already',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), ...Array.from({ length: 20 }, (_, i) => context.batch(numbered(70, 70 * i))));
      const reader = await replica.reader(channel);
      const start = (await replica.read(await replica.reader(channel, { group: 'other' }), 1400)).entries[0]?.offset ?? -1;
      await context.waiting.until(() => reader.hasRecords(), 'records to read');
      const first = reader.readRecords();
      if (first !== undefined) replica.take(reader, first);
      replica.seek(reader, 0, start + 1399);
      equal((await replica.read(reader, 1)).values, ['record 1399'], 'records after a seek in the middle of reading');
    },
  },
  {
    group,
    name: 'a paused partition gives nothing and the others go on; resumed, it misses nothing',
    async run(context) {
      const channel = await context.channel({ partitions: 2 });
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      const reader = await sink.reader(channel, { partitions: [0, 1] });
      reader.pause([0]);
      await source.publish(writer, context.batch(numbered(70)), context.batch(numbered(3, 100), { partition: 1 }));
      equal((await sink.read(reader, 3)).values, numbered(3, 100), 'records of the partition that goes on');
      await sink.nothing(reader, 'a paused partition gives nothing');
      holds(!reader.hasRecords(), 'hasRecords passes over a paused partition');
      reader.pause([0, 1]);
      await source.publish(writer, context.batch(numbered(30, 70)), context.batch(['record 103'], { partition: 1 }));
      await sink.nothing(reader, 'paused partitions give nothing');
      reader.resume([1]);
      equal((await sink.read(reader, 1)).values, ['record 103'], 'records of the partition resumed first');
      reader.resume([0, 1]);
      equal((await sink.read(reader, 100)).values, numbered(100), 'records of the partition resumed last');
    },
  },
  {
    group,
    name: 'hasRecords holds as long as there is something to read, and not at the end',
    async run(context) {
      const channel = await context.channel();
      const [source, sink] = [await context.replica(), await context.replica()];
      const reader = await sink.reader(channel);
      holds(!reader.hasRecords(), 'hasRecords of an empty channel is false');
      equal(reader.readRecords(), undefined, 'a read of an empty channel');
      await source.publish(await source.writer(channel), context.batch(numbered(70)), context.batch(numbered(70, 70)));
      await context.waiting.until(() => reader.hasRecords(), 'hasRecords rises when records are there');
      let seen = 0;
      while (seen < 140) {
        const batch = reader.readRecords();
        if (batch === undefined) await sink.awake(`${140 - seen} records are still to come`);
        else seen += sink.take(reader, batch).length;
      }
      await context.waiting.until(() => !reader.hasRecords(), 'hasRecords falls at the end');
    },
  },
  {
    group,
    name: 'endOffsets and getConsumerLag are asked now, for the assigned partitions',
    async run(context) {
      const channel = await context.channel({ partitions: 3 });
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      const reader = await sink.reader(channel, { partitions: [0, 2] });
      equal(await reader.getConsumerLag(), new Map([[0, 0], [2, 0]]), 'lag in an empty channel');
      await source.publish(writer, context.batch(numbered(10)), context.batch(numbered(5), { partition: 1 }), context.batch(numbered(7), { partition: 2 }));
      const { ends } = await context.describe(channel);
      equal(await reader.endOffsets(), new Map([[0, ends.get(0)], [2, ends.get(2)]]), 'ends');
      const lag = await reader.getConsumerLag();
      holds((lag.get(0) ?? 0) >= 10 && (lag.get(2) ?? 0) >= 7 && lag.size === 2, `the lag counts what is unread, and no other partition: ${[...lag].join(' ')}`);
      await sink.read(reader, 17);
      equal(await reader.getConsumerLag(), new Map([[0, 0], [2, 0]]), 'lag when all is read');
      const { ends: after } = await source.publish(writer, context.batch(['one more'], { partition: 2 }));
      equal((await reader.endOffsets()).get(2), after.get(writer)?.get(2), 'end after one more record');
      equal((await reader.getConsumerLag()).get(0), 0, 'lag of the other partition');
    },
  },
  {
    group,
    name: 'partitions take turns: a long one does not keep another from being read',
    async run(context) {
      const channel = await context.channel({ partitions: 2 });
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      for (let i = 0; i < 20; i++) await source.publish(writer, context.batch(numbered(100, 100 * i)));
      await source.publish(writer, context.batch(['other'], { partition: 1 }));
      const { entries } = await sink.read(await sink.reader(channel, { partitions: [0, 1] }), 2001);
      holds(entries.findIndex(({ partition }) => partition === 1) < 2000, 'the short partition is read before the long one is finished');
    },
  },
];
