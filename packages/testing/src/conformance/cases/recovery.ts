import { broken, equal, holds } from '../check.js';
import type { ConformanceContext } from '../context.js';
import { bytesOf, numbered, textOf } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'recovery';
const TOTAL = 600;

/**
 * An operator that copies its input, dies now and then without a commit, and is opened again, sometimes while its former self
 * still runs. A fixed schedule: every fifth step ends its session, with the last records read and written but not committed.
 */
async function copyWithCrashes(context: ConformanceContext, delivery: 'at-least-once' | 'exactly-once'): Promise<readonly string[]> {
  const [input, output] = [await context.channel({ partitions: 2 }), await context.channel({ partitions: 2, groups: ['check'] })];
  const source = await context.replica();
  const feed = await source.writer(input);
  for (let at = 0; at < TOTAL; at += 50) for (const partition of [0, 1]) await source.write(feed, context.batch(numbered(50, at), { partition }));
  await source.commit();

  const id = context.owner();
  const done = new Map([[0, 0], [1, 0]]);
  let crashes = 0;
  for (let session = 0, step = 0; [...done.values()].some((n) => n < TOTAL); session++) {
    holds(session < 500, 'the operator gets on between its crashes');
    const replica = await context.replica({ id, delivery });
    const [reader, writer] = [await replica.reader(input, { partitions: [0, 1] }), await replica.writer(output)];
    for (const partition of [0, 1]) done.set(partition, Number(textOf(replica.session.state.get(`done/${partition}`)) ?? 0));
    for (let crash = false; !crash && [...done.values()].some((n) => n < TOTAL);) {
      const batch = reader.readRecords();
      if (batch === undefined) {
        await replica.awake('records of the input are still to come');
        continue;
      }
      // A part of the batch only, so that positions fall into the middle of batches.
      const entries = replica.take(reader, batch).slice(0, 17);
      const next = entries.length < batch.count ? batch.offset(entries.length) : batch.next;
      replica.seek(reader, batch.partition, next);
      equal(entries[0]?.value, `record ${done.get(batch.partition) ?? -1}`, `the first record read by session ${session}`);
      await replica.write(writer, context.batch(entries.map(({ value }) => value), { partition: batch.partition }));
      crash = ++step % 5 === 0;
      if (crash) break;
      const count = (done.get(batch.partition) ?? 0) + entries.length;
      await replica.commit(new Map([[reader, new Map([[batch.partition, next]])]]), new Map([[`done/${batch.partition}`, bytesOf(`${count}`)]]));
      done.set(batch.partition, count);
    }
    crashes++;
    // One crash in two goes unnoticed: the session stays open until the next one fences it.
    if (crashes % 2 === 0) await replica.session.close();
  }
  const sink = await context.replica();
  const reader = await sink.reader(output, { group: 'check', partitions: [0, 1] });
  const copied: string[] = [];
  for (const ends = await reader.endOffsets(), at = new Map<number, number>(); [0, 1].some((p) => (at.get(p) ?? 0) < (ends.get(p) ?? 0));) {
    const batch = reader.readRecords();
    if (batch === undefined) {
      await sink.awake('records of the output are still to come');
      continue;
    }
    copied.push(...sink.take(reader, batch).map(({ partition, value }) => `${partition} ${value ?? ''}`));
    at.set(batch.partition, batch.next);
  }
  return copied;
}

export const recoveryCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'exactly-once: through crashes and zombies every record is copied once, in order',
    needs: ['transactions'],
    async run(context) {
      const copied = await copyWithCrashes(context, 'exactly-once');
      for (const partition of [0, 1]) equal(copied.filter((entry) => entry.startsWith(`${partition} `)), numbered(TOTAL).map((value) => `${partition} ${value}`), `records of partition ${partition}`);
    },
  },
  {
    group,
    name: 'at-least-once: through crashes and zombies every record is copied, in order but for what is repeated',
    async run(context) {
      const copied = await copyWithCrashes(context, 'at-least-once');
      for (const partition of [0, 1]) {
        let highest = -1;
        for (const entry of copied) {
          if (!entry.startsWith(`${partition} `)) continue;
          const n = Number(entry.slice(entry.lastIndexOf(' ') + 1));
          holds(n <= highest + 1, `nothing is left out in partition ${partition}: ${n} comes after ${highest}`);
          highest = Math.max(highest, n);
        }
        equal(highest, TOTAL - 1, `the last record of partition ${partition}`);
      }
    },
  },
  {
    group,
    name: 'order within a partition is kept from session to session',
    async run(context) {
      const channel = await context.channel();
      const id = context.owner();
      for (let session = 0; session < 10; session++) {
        const replica = await context.replica({ id, delivery: context.deliveries[session % context.deliveries.length] ?? 'at-least-once' });
        await replica.publish(await replica.writer(channel), context.batch(numbered(1, 70 * session)), context.batch(numbered(69, 70 * session + 1)));
      }
      const sink = await context.replica();
      equal((await sink.read(await sink.reader(channel), 700)).values, numbered(700), 'records of ten sessions');
    },
  },
  {
    group,
    name: 'what was committed outlives every connection, as far as the backend keeps it',
    async run(context) {
      const kept = await leaveBehind(context);
      const keeper = await context.connect(); // whoever stays connected keeps a place that is not durable
      await kept.check(keeper);
    },
  },
  {
    group,
    name: 'what was committed outlives the process',
    needs: ['durable', 'restart'],
    async run(context) {
      const kept = await leaveBehind(context);
      await context.disconnect();
      await context.target.restart?.();
      await kept.check(await context.transport());
    },
  },
];

/** Commits records, positions, state and facts, and gives the means to look for them. */
async function leaveBehind(context: ConformanceContext) {
  const channel = await context.channel({ partitions: 2, groups: ['group'] });
  const [id, pipeline] = [context.owner(), context.name('pipeline')];
  await (await context.control(pipeline)).put('generation', bytesOf('3'));
  const replica = await context.replica({ id, delivery: context.deliveries.at(-1) ?? 'at-least-once' });
  const writer = await replica.writer(channel);
  for (const partition of [0, 1]) await replica.write(writer, context.batch(numbered(100), { partition }));
  const { ends } = await replica.commit(new Map(), new Map([['state', bytesOf('kept')]]));
  const reader = await replica.reader(channel, { group: 'group', partitions: [0, 1] });
  const { entries } = await replica.read(reader, 200);
  const at = entries.find(({ partition, value }) => partition === 1 && value === 'record 40')?.offset ?? -1;
  await replica.commit(new Map([[reader, new Map([[1, at]])]]));
  const { incarnation } = replica.session;
  await replica.session.close();
  return {
    async check(transport: Awaited<ReturnType<ConformanceContext['connect']>>): Promise<void> {
      equal((await transport.describeChannel(channel))?.ends, ends.get(writer), 'ends');
      const facts: string[] = [];
      await transport.control(pipeline).follow('', (key, value) => void facts.push(`${key}=${textOf(value) ?? ''}`));
      equal(facts, ['generation=3'], 'facts');
      const again = await context.replica({ id }, transport);
      holds(again.session.incarnation > incarnation, 'the incarnation grows on');
      equal(textOf(again.session.state.get('state')), 'kept', 'state');
      const { reader, offsets } = await again.placed(channel, { group: 'group', partitions: [0, 1] });
      equal(offsets.get(1), at, 'position');
      const { entries } = await again.read(reader, 160);
      if (entries.length !== 160) throw broken('every record after the positions is there');
      equal(entries.filter(({ partition }) => partition === 1).map(({ value }) => value), numbered(60, 40), 'records of partition 1');
    },
  };
}
