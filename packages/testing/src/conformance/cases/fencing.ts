import { MillraceError, type ChannelWriter, type OutgoingBatch } from '@millrace/core';
import { broken, equal, failsWith, holds } from '../check.js';
import { bytesOf, numbered, textOf } from '../records.js';
import type { Replica } from '../replica.js';
import type { ConformanceCase } from '../types.js';

const group = 'fencing';

/** A zombie writes on: it may notice at once or at its commit, but it must notice, and as fenced. */
async function zombie(replica: Replica, writer: ChannelWriter, batch: OutgoingBatch): Promise<void> {
  try {
    await replica.write(writer, batch);
  } catch (error) {
    if (!MillraceError.is(error, 'MILLRACE_FENCED')) throw broken('a write of a fenced session rejects with MILLRACE_FENCED', error);
  }
  await failsWith('MILLRACE_FENCED', 'a commit of a fenced session', () => replica.commit());
}

export const fencingCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'incarnations of an owner grow, over connections, closes and deletion, and nobody else’s',
    async run(context) {
      const transport = await context.transport();
      const id = context.owner();
      const numbers: number[] = [];
      const note = async (replica: Promise<Replica>): Promise<Replica> => {
        numbers.push((await replica).session.incarnation);
        return replica;
      };
      equal((await context.replica({ id })).session.owner, id, 'owner of a session');
      await note(context.replica({ id }));
      await (await note(context.replica({ id }, await context.connect()))).session.close();
      await note(context.replica());
      numbers.pop();
      await (await note(context.replica({ id }))).session.close();
      await transport.deleteResources({ owners: [id] });
      await note(context.replica({ id }));
      holds(numbers.every((n, i) => Number.isSafeInteger(n) && (i === 0 || n > (numbers[i - 1] ?? Infinity))), `incarnations grow: ${numbers.join()}`);
    },
  },
  {
    group,
    name: 'a newer session fences the older one: its writes and commits fail and nothing of them is seen',
    async run(context) {
      for (const delivery of context.deliveries) {
        const [input, output] = [await context.channel(), await context.channel()];
        const id = context.owner();
        const source = await context.replica({ delivery });
        await source.publish(await source.writer(input), context.batch(numbered(4)));
        const old = await context.replica({ id, delivery });
        const [reader, writer] = [await old.reader(input), await old.writer(output)];
        const { entries, positions } = await old.read(reader, 4);
        await old.write(writer, context.batch(['before']));
        await old.commit(new Map([[reader, new Map([[0, entries[1]?.offset ?? -1]])]]), new Map([['progress', bytesOf('old')]]));
        const young = await context.replica({ id, delivery }, await context.connect());
        const ends = (await context.describe(output)).ends;
        await zombie(old, writer, context.batch(['zombie']));
        await failsWith('MILLRACE_FENCED', 'positions and state of a fenced session', () => old.session.commit(positions, new Map([['progress', bytesOf('zombie')]])));
        equal((await context.describe(output)).ends, ends, `end of the output after the zombie wrote, ${delivery}`);
        equal((await young.placed(input)).offsets, new Map([[0, entries[1]?.offset]]), `position found by the newer session, ${delivery}`);
        equal(textOf(young.session.state.get('progress')), 'old', `state found by the newer session, ${delivery}`);
        await young.publish(await young.writer(output), context.batch(['after']));
        equal((await young.read(await young.reader(output), 2)).values, ['before', 'after'], `records of the output, ${delivery}`);
        equal(textOf((await context.replica({ id })).session.state.get('progress')), 'old', `state after the zombie, ${delivery}`);
      }
    },
  },
  {
    group,
    name: 'exactly-once: what a fenced session had staged is dropped, and its commit changes nothing at all',
    needs: ['transactions'],
    async run(context) {
      const [input, output] = [await context.channel(), await context.channel()];
      const id = context.owner();
      const source = await context.exactlyOnce();
      await source.publish(await source.writer(input), context.batch(numbered(3)));
      const old = await context.exactlyOnce({ id });
      const { positions } = await old.read(await old.reader(input), 3);
      await old.write(await old.writer(output), context.batch(['staged']));
      const young = await context.exactlyOnce({ id });
      await failsWith('MILLRACE_FENCED', 'a commit of a fenced session', () => old.session.commit(positions, new Map([['done', bytesOf('yes')]])));
      const reader = await young.reader(output);
      await young.nothing(reader, 'staged records of a fenced session are not to be read');
      equal((await young.read(await young.reader(input), 3)).values, numbered(3), 'input of the newer session');
      equal((await context.exactlyOnce({ id })).session.state.size, 0, 'state after the fenced commit');
    },
  },
  {
    group,
    name: 'a fenced session is told: its failure is set, and a wake follows',
    async run(context) {
      const id = context.owner();
      const old = await context.replica({ id });
      await old.awake('the first look');
      equal(old.session.failure, undefined, 'failure of a session that is well');
      await context.replica({ id }, await context.connect());
      do await old.awake('a newer session of the owner is open');
      while (old.session.failure === undefined);
      holds(MillraceError.is(old.session.failure, 'MILLRACE_FENCED'), `the failure is MILLRACE_FENCED, not ${old.session.failure.message}`);
      holds(!old.session.wantsCommit, 'a session that can do nothing more wants no commit');
    },
  },
  {
    group,
    name: 'a writer that waits for room is given up when its session is fenced or closed',
    needs: ['bounded'],
    async run(context) {
      for (const [end, code] of [['fence', 'MILLRACE_FENCED'], ['close', 'MILLRACE_SESSION_CLOSED']] as const) {
        const id = context.owner();
        const channel = await context.channel({ groups: ['nobody'] });
        const replica = await context.replica({ id });
        const { room } = await context.fill(await replica.writer(channel));
        await Promise.all([
          failsWith(code, `a write that waits while its session ends by ${end}`, () => context.waiting.within(room, 'the end of the wait')),
          end === 'fence' ? context.replica({ id }) : replica.session.close(),
        ]);
      }
    },
  },
  {
    group,
    name: 'of many opens of an owner at once exactly one session survives',
    async run(context) {
      const id = context.owner();
      const channel = await context.channel();
      const transports = [await context.transport(), await context.connect(), await context.connect()];
      const opened = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => context.replica({ id }, transports[i % 3])));
      const replicas: Replica[] = [];
      for (const outcome of opened) {
        if (outcome.status === 'fulfilled') replicas.push(outcome.value);
        else if (!MillraceError.is(outcome.reason, 'MILLRACE_FENCED')) throw broken('an open that was overtaken rejects with MILLRACE_FENCED', outcome.reason);
      }
      const incarnations = replicas.map(({ session }) => session.incarnation);
      equal(new Set(incarnations).size, replicas.length, `number of different incarnations among ${incarnations.join()}`);
      const results = await Promise.allSettled(replicas.map(async (replica) => {
        await replica.publish(await replica.writer(channel), context.batch([`from ${replica.session.incarnation}`]));
        return replica.session.incarnation;
      }));
      const survivors = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      equal(survivors, [Math.max(...incarnations)], 'incarnations that could still commit');
      for (const result of results) if (result.status === 'rejected' && !MillraceError.is(result.reason, 'MILLRACE_FENCED')) throw broken('the others are fenced', result.reason);
      const reader = await context.replica();
      equal((await reader.read(await reader.reader(channel), 1)).values, [`from ${survivors[0] ?? 0}`], 'records of all of them');
    },
  },
  {
    group,
    name: 'sessions of different owners run beside each other, each untouched by the end of others',
    async run(context) {
      const channel = await context.channel({ partitions: 4 });
      const transport = await context.connect();
      const replicas = await Promise.all([0, 1, 2, 3].map((i) => context.replica({}, i % 2 === 0 ? transport : undefined)));
      const writers = await Promise.all(replicas.map((replica) => replica.writer(channel)));
      await Promise.all(replicas.map(async (replica, i) => {
        const writer = writers[i];
        if (writer === undefined) throw broken('each session has its writer');
        for (let round = 0; round < 20; round++) {
          await replica.publish(writer, ...[0, 1, 2, 3].map((partition) => context.batch([`${i} ${round}`], { partition })));
        }
      }));
      await context.replica({ id: replicas[0]?.session.owner ?? '' });
      await replicas[1]?.session.close();
      const [, , third] = replicas;
      holds(third?.session.failure === undefined, 'the end of other sessions leaves a session well');
      await third?.commit();
      const sink = await context.replica();
      const { entries } = await sink.read(await sink.reader(channel, { partitions: [0, 1, 2, 3] }), 320);
      for (const partition of [0, 1, 2, 3]) {
        for (const i of [0, 1, 2, 3]) {
          const rounds = entries.filter((entry) => entry.partition === partition && entry.value?.startsWith(`${i} `)).map(({ value }) => value);
          equal(rounds, Array.from({ length: 20 }, (_, round) => `${i} ${round}`), `order of writer ${i} in partition ${partition}`);
        }
      }
    },
  },
  {
    group,
    name: 'after its state was deleted, an owner’s earlier sessions stay fenced',
    async run(context) {
      const id = context.owner();
      const old = await context.replica({ id });
      const young = await context.replica({ id });
      await young.session.close();
      await (await context.transport()).deleteResources({ owners: [id] });
      await failsWith('MILLRACE_FENCED', 'a commit of the session fenced before the deletion', () => old.session.commit(new Map(), new Map([['k', bytesOf('zombie')]])));
      equal((await context.replica({ id })).session.state.size, 0, 'state of the next session');
    },
  },
];
