import { equal, holds } from '../check.js';
import { numbered } from '../records.js';
import type { Reading } from '../replica.js';
import type { ConformanceCase } from '../types.js';

const group = 'wake-ups';

export const wakeCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'a session that found nothing is woken when there is something',
    async run(context) {
      for (const delivery of context.deliveries) {
        const channel = await context.channel();
        const [source, sink] = [await context.replica({ delivery }), await context.replica({ delivery })];
        const [writer, reader] = [await source.writer(channel), await sink.reader(channel)];
        for (let round = 0; round < 5; round++) {
          await sink.nothing(reader, 'all is read');
          const read = sink.read(reader, 2);
          await source.publish(writer, context.batch(numbered(2, 2 * round)));
          const { values, positions } = await read;
          equal(values, numbered(2, 2 * round), `records of round ${round}, ${delivery}`);
          await sink.commit(positions);
        }
      }
    },
  },
  {
    group,
    name: 'nobody sleeps on records that are there: what came before the reader, or between its reads',
    async run(context) {
      const channel = await context.channel();
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      await source.publish(writer, context.batch(['early']));
      const reader = await sink.reader(channel);
      equal((await sink.read(reader, 1)).values, ['early'], 'records from before the reader');
      await source.publish(writer, context.batch(['between']));
      equal((await sink.read(reader, 1)).values, ['between'], 'records written after the last read, before the next');
      await source.publish(writer, context.batch(numbered(70)), context.batch(numbered(70, 70)));
      await sink.read(reader, 140);
    },
  },
  {
    group,
    name: 'every sleeping session is woken: of several groups, and of several partitions',
    async run(context) {
      const channel = await context.channel({ partitions: 3 });
      const source = await context.replica();
      const writer = await source.writer(channel);
      const readings: Promise<Reading>[] = [];
      for (const name of ['a', 'b']) {
        for (const partition of [0, 1, 2]) {
          const replica = await context.replica();
          const reader = await replica.reader(channel, { group: name, partitions: [partition] });
          await replica.nothing(reader, 'the channel is empty');
          readings.push(replica.read(reader, 1));
        }
      }
      for (const partition of [2, 0, 1]) await source.publish(writer, context.batch([`partition ${partition}`], { partition }));
      const values = (await Promise.all(readings)).map((reading) => reading.values[0]);
      equal(values, ['partition 0', 'partition 1', 'partition 2', 'partition 0', 'partition 1', 'partition 2'], 'what the sleepers got');
    },
  },
  {
    group,
    name: 'a session with several readers is woken for each of them',
    async run(context) {
      const channels = [await context.channel(), await context.channel()] as const;
      const [source, sink] = [await context.replica(), await context.replica()];
      const writers = [await source.writer(channels[0]), await source.writer(channels[1])] as const;
      const readers = [await sink.reader(channels[0]), await sink.reader(channels[1])] as const;
      for (const i of [1, 0, 1] as const) {
        for (const reader of readers) await sink.nothing(reader, 'all is read');
        const read = sink.read(readers[i], 1);
        await source.publish(writers[i], context.batch([`for ${i}`]));
        equal((await read).values, [`for ${i}`], 'what woke the session');
      }
    },
  },
  {
    group,
    name: 'resume and seek wake a session that has something to read again',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      await replica.publish(await replica.writer(channel), context.batch(numbered(3)));
      const reader = await replica.reader(channel);
      const { entries } = await replica.read(reader, 3);
      await replica.nothing(reader, 'all is read');
      const again = replica.read(reader, 3);
      replica.seek(reader, 0, entries[0]?.offset ?? -1);
      equal((await again).values, numbered(3), 'records after a seek');
      reader.pause([0]);
      replica.seek(reader, 0, entries[1]?.offset ?? -1);
      await replica.nothing(reader, 'a paused partition gives nothing');
      const resumed = replica.read(reader, 2);
      reader.resume([0]);
      equal((await resumed).values, numbered(2, 1), 'records after the partition was resumed');
    },
  },
  {
    group,
    name: 'a thousand small batches pass a reader that sleeps whenever it finds nothing',
    async run(context) {
      const channel = await context.channel();
      const total = 1000;
      const [source, sink] = [await context.replica(), await context.replica({}, await context.connect())];
      const [writer, reader] = [await source.writer(channel), await sink.reader(channel)];
      const produce = async (): Promise<void> => {
        for (let at = 0; at < total; at++) {
          await source.write(writer, context.batch([`record ${at}`]));
          // Sometimes the reader gets to run between two batches, sometimes it does not.
          if (at % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (at % 100 === 99) await source.commit();
        }
        await source.commit();
      };
      const [{ entries }] = await Promise.all([consume(), produce()]);
      async function consume() {
        const all = [];
        for (let seen = 0; seen < total;) {
          const batch = reader.readRecords();
          if (batch === undefined) {
            await sink.awake(`${total - seen} of ${total} records are still to come`);
            continue;
          }
          all.push(...sink.take(reader, batch));
          seen += batch.count;
          await sink.commit(new Map([[reader, new Map([[batch.partition, batch.next]])]]));
        }
        return { entries: all };
      }
      equal(entries.map(({ value }) => value), numbered(total), 'records in order');
    },
  },
  {
    group,
    name: 'a wake may come for nothing, but an idle session is not kept busy',
    async run(context) {
      const channel = await context.channel();
      const replica = await context.replica();
      const reader = await replica.reader(channel);
      await replica.nothing(reader, 'the channel is empty');
      const { wakes } = replica;
      for (let turn = 0; turn < 50; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        holds(!reader.hasRecords(), 'hasRecords of an empty channel is false');
      }
      holds(replica.wakes - wakes < 50, `an idle session is woken now and then at most, not ${replica.wakes - wakes} times in 50 turns of the event loop`);
    },
  },
];
