import { equal, failsWith, holds } from '../check.js';
import { numbered } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'back-pressure';

export const pressureCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'a writer waits when its channel is full, and goes on when a reader has read and committed',
    needs: ['bounded'],
    async run(context) {
      const channel = await context.channel({ groups: ['slow'] });
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      const written = { count: 0 };
      let { room } = await context.fill(writer, written);
      const reader = await sink.reader(channel, { group: 'slow' });
      let read = 0;
      for (let round = 0; round < 3; round++) {
        holds(await context.waits(room), 'a full channel makes its writer wait');
        while (read < written.count) {
          const batch = reader.readRecords();
          if (batch === undefined) {
            await sink.awake(`${written.count - read} records are still to come`);
            continue;
          }
          equal(sink.take(reader, batch).map(({ value }) => value), numbered(batch.count, read), 'records in order');
          read += batch.count;
          await sink.commit(new Map([[reader, new Map([[batch.partition, batch.next]])]]));
        }
        await context.waiting.within(room, 'room after all was read and committed');
        ({ room } = await context.fill(writer, written));
      }
      await Promise.all([failsWith('MILLRACE_SESSION_CLOSED', 'a waiting write of a session that closes', () => room), source.session.close()]);
    },
  },
  {
    group,
    name: 'a reader that stands in the way is asked for its commit: wantsCommit rises and a wake comes',
    needs: ['bounded'],
    async run(context) {
      const channel = await context.channel();
      const [source, sink] = [await context.replica(), await context.replica()];
      const writer = await source.writer(channel);
      const reader = await sink.reader(channel);
      const written = { count: 0 };
      await source.write(writer, context.batch(numbered(100)));
      await source.commit();
      written.count = 100;
      await sink.read(reader, 100);
      holds(!sink.session.wantsCommit, 'nobody waits yet');
      const { room } = await context.fill(writer, written);
      // Not sooner: a backend may let it read what is there, so that the commit covers that too.
      const { positions } = await sink.read(reader, written.count - 100);
      while (!sink.session.wantsCommit) await sink.awake('a writer waits for what only a commit of this session can free');
      await sink.commit(positions);
      await context.waiting.within(room, 'room after the commit that was asked for');
      holds(!sink.session.wantsCommit, 'wantsCommit falls after the commit');
    },
  },
  {
    group,
    name: 'records that an operator holds back do not stop its channel: reading past them makes room',
    needs: ['bounded'],
    async run(context) {
      const channel = await context.channel();
      const id = context.owner();
      const [source, sink] = [await context.replica(), await context.replica({ id })];
      const writer = await source.writer(channel);
      const reader = await sink.reader(channel);
      const written = { count: 0 };
      let first: number | undefined;
      for (let round = 0, read = 0; round < 3; round++) {
        const { room } = await context.fill(writer, written);
        const { entries } = await sink.read(reader, written.count - read);
        read = written.count;
        first ??= entries[0]?.offset;
        await sink.commit(new Map([[reader, new Map([[0, first ?? -1]])]]));
        await context.waiting.within(room, 'room although the committed position stands still');
      }
      const again = await context.replica({ id });
      const { reader: next, offsets } = await again.placed(channel);
      equal(offsets, new Map([[0, first]]), 'the position that was held back');
      equal((await again.read(next, written.count)).values, numbered(written.count), 'all records, for they were not committed');
    },
  },
  {
    group,
    name: 'a write never waits for a commit of its own session, even where it reads the channel that it fills',
    needs: ['bounded'],
    async run(context) {
      for (const delivery of context.deliveries) {
        const channel = await context.channel();
        const replica = await context.replica({ delivery });
        const [reader, writer] = [await replica.reader(channel), await replica.writer(channel)];
        let written = 0;
        while (!replica.session.wantsCommit) {
          holds(written < context.options.unread, 'a bounded channel asks for a commit when it fills up');
          await replica.write(writer, context.batch(numbered(100, written)));
          written += 100;
        }
        await replica.write(writer, context.batch(numbered(100, written)));
        await replica.commit();
        equal((await replica.read(reader, written + 100)).values, numbered(written + 100), `records written in one step, ${delivery}`);
      }
    },
  },
  {
    group,
    name: 'exactly-once: staged output asks for a commit before it grows too large, and never waits for it',
    needs: ['transactions', 'bounded'],
    async run(context) {
      const channel = await context.channel();
      const replica = await context.exactlyOnce();
      const writer = await replica.writer(channel);
      let written = 0;
      while (!replica.session.wantsCommit) {
        holds(written < context.options.unread, 'staged output asks for a commit at last');
        await replica.write(writer, context.batch(numbered(100, written)));
        written += 100;
      }
      await replica.commit();
      holds(!replica.session.wantsCommit, 'wantsCommit falls after the commit');
      const sink = await context.replica();
      equal((await sink.read(await sink.reader(channel), written)).values, numbered(written), 'records after the commit');
    },
  },
  {
    group,
    name: 'exactly-once: a step that stages more than maxStepBytes is refused; what was taken before counts',
    needs: ['transactions'],
    async run(context) {
      const channel = await context.channel();
      const replica = await context.exactlyOnce({ maxStepBytes: 2000 });
      const writer = await replica.writer(channel);
      let written = 0;
      const step = async (): Promise<void> => {
        for (const end = written + 100_000; written < end; written += 10) await replica.write(writer, context.batch(numbered(10, written)));
      };
      await failsWith('MILLRACE_STEP_TOO_LARGE', 'a step without end', step);
      holds(written > 0, 'a small step is taken');
      await replica.commit();
      const taken = written;
      const sink = await context.replica();
      const reader = await sink.reader(channel);
      const { values, positions } = await sink.read(reader, taken);
      equal(values, numbered(taken), 'records of the first step');
      await sink.commit(positions);
      await failsWith('MILLRACE_STEP_TOO_LARGE', 'a second step without end', step);
      await replica.commit();
      equal((await sink.read(reader, written - taken)).values, numbered(written - taken, taken), 'records of the second step');
    },
  },
  {
    group,
    name: 'a chain of full channels drains from its end: nobody waits for ever',
    async run(context) {
      for (const delivery of context.deliveries) {
        const names = [await context.channel(), await context.channel(), await context.channel()] as const;
        const total = 20_000;
        const [source, relay, again, sink] = [await context.replica({ delivery }), await context.replica({ delivery }), await context.replica({ delivery }), await context.replica({ delivery })];
        const produce = async (): Promise<void> => {
          const writer = await source.writer(names[0]);
          for (let at = 0; at < total; at += 250) {
            await source.write(writer, context.batch(numbered(250, at)));
            if (source.session.wantsCommit) await source.commit();
          }
          await source.commit();
        };
        const pass = async (replica: typeof relay, from: string, to: string): Promise<void> => {
          const [reader, writer] = [await replica.reader(from), await replica.writer(to)];
          const next = new Map<number, number>();
          let seen = 0;
          const commit = () => replica.commit(new Map([[reader, new Map(next)]]));
          while (seen < total) {
            if (replica.session.wantsCommit) await commit();
            const batch = reader.readRecords();
            if (batch === undefined) {
              await commit();
              await replica.awake(`${total - seen} records of ${from} are still to come`);
              continue;
            }
            const values = replica.take(reader, batch).map(({ value }) => value);
            seen += values.length;
            await replica.write(writer, context.batch(values));
            next.set(batch.partition, batch.next);
          }
          await commit();
        };
        const consume = async (): Promise<void> => {
          const reader = await sink.reader(names[2]);
          let seen = 0;
          while (seen < total) {
            const batch = reader.readRecords();
            if (batch === undefined) {
              await sink.awake(`${total - seen} records of the last channel are still to come`);
              continue;
            }
            equal(sink.take(reader, batch).map(({ value }) => value), numbered(batch.count, seen), `records in order, ${delivery}`);
            seen += batch.count;
            await sink.commit(new Map([[reader, new Map([[0, batch.next]])]]));
          }
        };
        await Promise.all([produce(), pass(relay, names[0], names[1]), pass(again, names[1], names[2]), consume()]);
      }
    },
  },
];
