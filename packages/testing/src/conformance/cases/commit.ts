import { equal, failsWith, holds } from '../check.js';
import { bytesOf, numbered, textOf } from '../records.js';
import type { Offsets } from '@millrace/core';
import type { ConformanceContext } from '../context.js';
import type { ConformanceCase } from '../types.js';

const group = 'commit';

export const commitCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'what a commit acknowledged, every other session can read',
    async run(context) {
      for (const delivery of context.deliveries) {
        const channel = await context.channel();
        const source = await context.replica({ delivery });
        await source.publish(await source.writer(channel), context.batch(numbered(5)));
        const sink = await context.replica({ delivery }, await context.connect());
        equal((await sink.read(await sink.reader(channel), 5)).values, numbered(5), `records after a commit, ${delivery}`);
      }
    },
  },
  {
    group,
    name: 'exactly-once: nothing is seen before the commit, and all of it afterwards',
    needs: ['transactions'],
    async run(context) {
      const channels = [await context.channel(), await context.channel({ partitions: 2 })] as const;
      const [source, sink] = [await context.exactlyOnce(), await context.exactlyOnce()];
      const writers = [await source.writer(channels[0]), await source.writer(channels[1])] as const;
      const readers = [await sink.reader(channels[0]), await sink.reader(channels[1], { partitions: [0, 1] })] as const;
      const ends = await readers[0].endOffsets();
      await source.write(writers[0], context.batch(numbered(3)));
      await source.write(writers[0], context.batch(numbered(200, 3)));
      for (const partition of [0, 1]) await source.write(writers[1], context.batch(numbered(2), { partition }));
      for (const reader of readers) await sink.nothing(reader, 'uncommitted records are not to be read');
      equal(await readers[0].endOffsets(), ends, 'committed end before the commit');
      equal((await context.describe(channels[0])).ends, ends, 'end of the channel before the commit');
      await source.commit();
      equal((await sink.read(readers[0], 203)).values, numbered(203), 'records after the commit');
      equal((await sink.read(readers[1], 4)).entries.map(({ partition, value }) => `${partition} ${value}`).sort(), ['0 record 0', '0 record 1', '1 record 0', '1 record 1'], 'records of the second channel');
    },
  },
  {
    group,
    name: 'exactly-once: what was not committed is dropped by close, the next session begins without it',
    needs: ['transactions'],
    async run(context) {
      const channel = await context.channel();
      const id = context.owner();
      const first = await context.exactlyOnce({ id });
      const writer = await first.writer(channel);
      await first.publish(writer, context.batch(['committed']));
      await first.write(writer, context.batch(['dropped']));
      await first.session.close();
      const second = await context.exactlyOnce({ id });
      await second.publish(await second.writer(channel), context.batch(['later']));
      equal((await second.read(await second.reader(channel), 2)).values, ['committed', 'later'], 'records of both sessions');
    },
  },
  {
    group,
    name: 'a session goes on where the last commit of its group stands, in the middle of a batch too',
    async run(context) {
      for (const delivery of context.deliveries) {
        const channel = await context.channel();
        const id = context.owner();
        const source = await context.replica({ delivery });
        await source.publish(await source.writer(channel), context.batch(numbered(200)), context.batch(numbered(5, 200)));
        const first = await context.replica({ id, delivery });
        const reader = await first.reader(channel);
        const { entries } = await first.read(reader, 205);
        const at = entries[137]?.offset ?? 0;
        await first.commit(new Map([[reader, new Map([[0, at]])]]));
        const second = await context.replica({ id, delivery });
        const placed = await second.placed(channel);
        equal(placed.offsets, new Map([[0, at]]), `committed position, ${delivery}`);
        equal((await second.read(placed.reader, 68)).values, numbered(68, 137), `records after it, ${delivery}`);
      }
    },
  },
  {
    group,
    name: 'committing what a batch says is next loses and repeats nothing',
    async run(context) {
      const channel = await context.channel();
      const source = await context.replica();
      await source.publish(await source.writer(channel), ...[1, 70, 3, 100, 1].map((size, i) => context.batch(numbered(size, 1000 * i))));
      const expected = [1, 70, 3, 100, 1].flatMap((size, i) => numbered(size, 1000 * i));
      const id = context.owner();
      const values: (string | undefined)[] = [];
      for (let session = 0; values.length < expected.length; session++) {
        holds(session < expected.length, 'every session reads on');
        const replica = await context.replica({ id });
        const reader = await replica.reader(channel);
        let batch = reader.readRecords();
        while (batch === undefined) {
          await replica.awake(`${expected.length - values.length} records are still to come`);
          batch = reader.readRecords();
        }
        values.push(...replica.take(reader, batch).map(({ value }) => value));
        await replica.commit(new Map([[reader, new Map([[0, batch.next]])]]));
        await replica.session.close();
      }
      equal(values, expected, 'records read by one session each');
    },
  },
  {
    group,
    name: 'what was read but not committed is read again',
    async run(context) {
      const channel = await context.channel();
      const source = await context.replica();
      await source.publish(await source.writer(channel), context.batch(numbered(10)));
      const id = context.owner();
      const first = await context.replica({ id });
      await first.read(await first.reader(channel), 10);
      await first.commit();
      await first.session.close();
      const second = await context.replica({ id });
      equal((await second.read(await second.reader(channel), 10)).values, numbered(10), 'records of the second session');
    },
  },
  {
    group,
    name: 'readers and partitions that a commit leaves out keep their positions',
    async run(context) {
      const channels = [await context.channel({ partitions: 2 }), await context.channel()] as const;
      const id = context.owner();
      const source = await context.replica();
      const writers = [await source.writer(channels[0]), await source.writer(channels[1])] as const;
      for (const partition of [0, 1]) await source.write(writers[0], context.batch(numbered(4), { partition }));
      await source.publish(writers[1], context.batch(numbered(4)));
      const first = await context.replica({ id });
      const readers = [await first.reader(channels[0], { partitions: [0, 1] }), await first.reader(channels[1])] as const;
      const [some, other] = [await first.read(readers[0], 8), await first.read(readers[1], 4)];
      const offset = (partition: number, index: number): number => some.entries.filter((entry) => entry.partition === partition)[index]?.offset ?? -1;
      await first.commit(new Map([[readers[0], new Map([[0, offset(0, 1)], [1, offset(1, 1)]])], [readers[1], new Map([[0, other.entries[3]?.offset ?? -1]])]]));
      await first.commit(new Map([[readers[0], new Map([[1, offset(1, 3)]])]]));
      await first.session.close();
      const second = await context.replica({ id });
      equal((await second.placed(channels[0], { partitions: [0, 1] })).offsets, new Map([[0, offset(0, 1)], [1, offset(1, 3)]]), 'positions in the first channel');
      equal((await second.placed(channels[1])).offsets, new Map([[0, other.entries[3]?.offset]]), 'position in the second channel');
      const { groups } = await context.describe(channels[0]);
      equal(groups.get(channels[0]), new Map([[0, offset(0, 1)], [1, offset(1, 3)]]), 'positions that describeChannel gives');
    },
  },
  {
    group,
    name: 'the answer of a commit names the end of each writer and partition written since the last',
    async run(context) {
      for (const delivery of context.deliveries) {
        const channels = [await context.channel({ partitions: 3 }), await context.channel()] as const;
        const replica = await context.replica({ delivery });
        const [first, second, idle] = [await replica.writer(channels[0]), await replica.writer(channels[1]), await replica.writer(channels[1])] as const;
        await replica.write(first, context.batch(numbered(3), { partition: 0 }));
        await replica.write(first, context.batch(numbered(100), { partition: 2 }));
        const one = await replica.publish(second, context.batch(numbered(7)));
        await reached(context, channels[0], one.ends.get(first));
        const ends = [(await context.describe(channels[0])).ends, (await context.describe(channels[1])).ends] as const;
        equal(one.ends.get(first), new Map([[0, ends[0].get(0)], [2, ends[0].get(2)]].map(([p, n]) => [p, n])), `ends of the first writer, ${delivery}`);
        equal(one.ends.get(second), new Map([[0, ends[1].get(0)]]), `ends of the second writer, ${delivery}`);
        equal(one.ends.has(idle), false, `ends of a writer that wrote nothing, ${delivery}`);
        const two = await replica.publish(first, context.batch(['more'], { partition: 1 }));
        await reached(context, channels[0], two.ends.get(first));
        equal(two.ends, new Map([[first, new Map([[1, (await context.describe(channels[0])).ends.get(1)]])]]), `ends of the second commit, ${delivery}`);
        equal((await replica.commit()).ends, new Map(), `ends of an empty commit, ${delivery}`);
        const reader = await replica.reader(channels[0], { partitions: [2] });
        const { entries, positions } = await replica.read(reader, 100);
        holds((entries.at(-1)?.offset ?? Infinity) < (one.ends.get(first)?.get(2) ?? 0), `the last record lies before the end, ${delivery}`);
        // The mark of a transaction's end may come after its records, as a batch of none.
        for (let at = positions.get(reader)?.get(2) ?? 0; at < (one.ends.get(first)?.get(2) ?? Infinity);) {
          const batch = reader.readRecords();
          if (batch === undefined) await replica.awake(`who has read all stands at the end ${one.ends.get(first)?.get(2) ?? 0} or behind, not at ${at}, ${delivery}`);
          else {
            equal(replica.take(reader, batch), [], 'records after the last');
            at = batch.next;
          }
        }
      }
    },
  },
  {
    group,
    name: 'two writers of one partition: each end lies behind the own last record',
    async run(context) {
      const channel = await context.channel();
      const [a, b] = [await context.replica(), await context.replica()];
      const [one, two] = [await a.writer(channel), await b.writer(channel)];
      await a.write(one, context.batch(['a1']));
      await b.write(two, context.batch(['b1', 'b2']));
      await a.write(one, context.batch(['a2']));
      const ends = { a: (await a.commit()).ends.get(one)?.get(0) ?? -1, b: (await b.commit()).ends.get(two)?.get(0) ?? -1 };
      const { entries } = await a.read(await a.reader(channel), 4);
      const last = (label: string): number => Math.max(...entries.filter(({ value }) => value?.startsWith(label)).map(({ offset }) => offset));
      holds(ends.a > last('a') && ends.b > last('b'), `ends ${ends.a} and ${ends.b} lie behind the last records ${last('a')} and ${last('b')}`);
    },
  },
  {
    group,
    name: 'batches written while a commit runs belong to the next one',
    async run(context) {
      for (const delivery of context.deliveries) {
        const channel = await context.channel({ partitions: 2 });
        const replica = await context.replica({ delivery });
        const writer = await replica.writer(channel);
        await replica.write(writer, context.batch(numbered(2)));
        const running = replica.session.commit(new Map());
        await replica.write(writer, context.batch(numbered(2), { partition: 1 }));
        const [one, two] = [await running, await replica.commit()];
        equal([[...(one.ends.get(writer)?.keys() ?? [])], [...(two.ends.get(writer)?.keys() ?? [])]], [[0], [1]], `partitions written in either commit, ${delivery}`);
        equal((await replica.read(await replica.reader(channel, { partitions: [0, 1] }), 4)).entries.length, 4, `records of both, ${delivery}`);
      }
    },
  },
  {
    group,
    name: 'state lasts: set, changed, removed, shown at once, found by the next session, apart from other owners',
    async run(context) {
      const id = context.owner();
      const [first, other] = [await context.replica({ id }), await context.replica()];
      equal(first.session.state.size, 0, 'state before the first commit');
      await first.commit(new Map(), new Map([['a', bytesOf('1')], ['b', bytesOf('2')], ['empty', new Uint8Array(0)], ['a/b#0', bytesOf('\u0000\u00ff')]]));
      equal(textOf(first.session.state.get('a')), '1', 'state after the commit');
      await first.commit();
      await first.commit(new Map(), new Map([['a', bytesOf('3')], ['b', undefined], ['never', undefined]]));
      const expected = new Map([['a', '3'], ['empty', ''], ['a/b#0', '\u0000\u00ff']]);
      equal(readable(first.session.state), expected, 'state of the session');
      await first.session.close();
      equal(readable((await context.replica({ id }, await context.connect())).session.state), expected, 'state of the next session');
      equal(other.session.state.size, 0, 'state of another owner');
    },
  },
  {
    group,
    name: 'state that the caller changes after the commit stays as it was committed',
    async run(context) {
      const id = context.owner();
      const first = await context.replica({ id });
      // `slice` of a Buffer is no copy.
      const values = [bytesOf('array'), Buffer.from('buffer')];
      await first.commit(new Map(), new Map(values.map((value, i) => [`key ${i}`, value])));
      for (const value of values) value.fill(0);
      const expected = new Map([['key 0', 'array'], ['key 1', 'buffer']]);
      equal(readable(first.session.state), expected, 'state of the session');
      equal(readable((await context.replica({ id })).session.state), expected, 'state of the next session');
    },
  },
  {
    group,
    name: 'state may be large and of many keys; a value over the limit is refused and nothing of that commit counts',
    async run(context) {
      const { limits } = await context.transport();
      const id = context.owner();
      const first = await context.replica({ id });
      const large = new Uint8Array(Math.min(500_000, limits.stateBytes)).fill(7);
      await first.commit(new Map(), new Map([['large', large], ...Array.from({ length: 500 }, (_, i) => [`key ${i}`, bytesOf(`${i}`)] as const)]));
      if (Number.isFinite(limits.stateBytes)) {
        const tooLarge = new Uint8Array(limits.stateBytes + 1);
        await failsWith('MILLRACE_STATE_TOO_LARGE', 'a state value over the limit', () => first.session.commit(new Map(), new Map([['key 0', bytesOf('changed')], ['huge', tooLarge]])));
        equal(textOf(first.session.state.get('key 0')), '0', 'state after the refused commit');
      }
      await first.session.close();
      const { state } = (await context.replica({ id })).session;
      equal([state.size, state.get('large')?.byteLength, textOf(state.get('key 0')), textOf(state.get('key 499'))], [501, large.byteLength, '0', '499'], 'keys, size and values of the next session');
    },
  },
  {
    group,
    name: 'a commit of another session does not make the own records or positions last',
    needs: ['transactions'],
    async run(context) {
      const [input, output] = [await context.channel(), await context.channel()];
      const id = context.owner();
      const [source, mine, other] = [await context.exactlyOnce(), await context.exactlyOnce({ id }), await context.exactlyOnce()];
      await source.publish(await source.writer(input), context.batch(numbered(3)));
      await mine.read(await mine.reader(input), 3);
      await mine.write(await mine.writer(output), context.batch(['staged']));
      await other.publish(await other.writer(output), context.batch(['theirs']));
      await mine.session.close();
      equal((await other.read(await other.reader(output), 1)).values, ['theirs'], 'records of the output');
      const again = await context.exactlyOnce({ id });
      equal((await again.read(await again.reader(input), 3)).values, numbered(3), 'input of the next session');
    },
  },
];

/** Waits until a channel ends where a commit said: a cluster may decide it first and show it a little later. */
async function reached(context: ConformanceContext, channel: string, ends: Offsets | undefined): Promise<void> {
  await context.waiting.until(async () => {
    const description = await context.describe(channel);
    return [...(ends ?? [])].every(([partition, end]) => (description.ends.get(partition) ?? 0) >= end);
  }, `the ends that the commit gave are those of ${channel}`);
}

function readable(state: ReadonlyMap<string, Uint8Array>): Map<string, string> {
  return new Map(Array.from(state, ([key, value]) => [key, textOf(value)]));
}
