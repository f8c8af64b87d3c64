import type { Control, Follower } from '@millrace/core';
import { uncaughtDuring } from '../uncaught.js';
import { equal, holds } from '../check.js';
import type { ConformanceContext } from '../context.js';
import { bytesOf, textOf } from '../records.js';
import type { ConformanceCase } from '../types.js';

const group = 'control';

interface Watch {
  /** `key=value`, or `key` alone for a removal, in the order seen. */
  readonly seen: string[];
  readonly follower: Follower;
}

async function watch(context: ConformanceContext, control: Control, prefix = ''): Promise<Watch> {
  const seen: string[] = [];
  const follow = control.follow(prefix, (key, value) => void seen.push(value === undefined ? key : `${key}=${textOf(value)}`));
  return { seen, follower: await context.waiting.within(follow, 'follow') };
}

const put = (control: Control, key: string, value: string): Promise<void> => control.put(key, bytesOf(value));

export const controlCases: readonly ConformanceCase[] = [
  {
    group,
    name: 'follow has seen all that was put before it when it resolves, only the latest of each key',
    async run(context) {
      const control = await context.control();
      await put(control, 'a', '1');
      await put(control, 'b', '1');
      await put(control, 'a', '2');
      await put(control, 'gone', '1');
      await control.remove('gone');
      const { seen } = await watch(context, control);
      equal(lastOf(seen), new Map([['a', '2'], ['b', '1']]), 'facts seen when follow resolves');
    },
  },
  {
    group,
    name: 'a fact that the caller changes while it is put, and after, stays as it was given',
    async run(context) {
      const control = await context.control();
      // `slice` of a Buffer is no copy.
      const values = [bytesOf('array'), Buffer.from('buffer')];
      const puts = values.map((value, i) => control.put(`key ${i}`, value));
      for (const value of values) value.fill(0);
      await Promise.all(puts);
      equal(lastOf((await watch(context, control)).seen), new Map([['key 0', 'array'], ['key 1', 'buffer']]), 'facts');
    },
  },
  {
    group,
    name: 'later facts and removals come in the order of their puts',
    async run(context) {
      const control = await context.control();
      const { seen } = await watch(context, control);
      const expected: string[] = [];
      for (let i = 0; i < 200; i++) {
        const key = `key/${i % 7}`;
        if (i % 5 === 4) {
          await control.remove(key);
          await put(control, key, `${i}`);
          expected.push(key, `${key}=${i}`);
        } else {
          await put(control, key, `${i}`);
          expected.push(`${key}=${i}`);
        }
      }
      const wanted = new Set(expected);
      await context.waiting.until(() => seen.at(-1) === expected.at(-1), 'the last fact is seen');
      // The removal of a key that is not there may pass unseen.
      const known = new Set<string>();
      const visible = expected.filter((fact) => {
        const [key = ''] = fact.split('=');
        const told = fact.includes('=') || known.has(key);
        if (fact.includes('=')) known.add(key);
        else known.delete(key);
        return told;
      });
      equal(seen.filter((fact) => wanted.has(fact)), visible, 'facts in the order seen');
    },
  },
  {
    group,
    name: 'a follower sees the facts under its prefix, and no others',
    async run(context) {
      const control = await context.control();
      await put(control, 'status/1/a', 'before');
      await put(control, 'beat/1', 'before');
      const status = await watch(context, control, 'status/');
      const one = await watch(context, control, 'status/1/');
      await put(control, 'status/2/a', 'after');
      await put(control, 'statusless', 'after');
      await put(control, 'status/1/b', 'after');
      await context.waiting.until(() => status.seen.length >= 3 && one.seen.length >= 2, 'facts under both prefixes');
      equal(status.seen, ['status/1/a=before', 'status/2/a=after', 'status/1/b=after'], 'facts under status/');
      equal(one.seen, ['status/1/a=before', 'status/1/b=after'], 'facts under status/1/');
    },
  },
  {
    group,
    name: 'two followers see concurrent puts of two connections in one order',
    async run(context) {
      const pipeline = context.name('pipeline');
      const controls = [await context.control(pipeline), await context.control(pipeline, await context.connect())] as const;
      const watches = [await watch(context, controls[0]), await watch(context, controls[1])] as const;
      await Promise.all([0, 1].map(async (side) => {
        for (let i = 0; i < 50; i++) await put(controls[side === 0 ? 0 : 1], `key ${i % 3}`, `${side}.${i}`);
      }));
      await context.waiting.until(() => watches.every(({ seen }) => seen.length >= 100), 'both followers have seen all facts');
      equal(watches[0].seen, watches[1].seen, 'the order of both followers');
      for (const side of [0, 1]) equal(watches[0].seen.map((fact) => fact.split('=')[1]).filter((value) => value?.startsWith(`${side}.`)), Array.from({ length: 50 }, (_, i) => `${side}.${i}`), `the order of the puts of connection ${side}`);
      const late = await watch(context, controls[1]);
      equal(lastOf(late.seen), lastOf(watches[0].seen), 'what a late follower finds');
    },
  },
  {
    group,
    name: 'a closed follower sees nothing more; the others go on, and closing again is quiet',
    async run(context) {
      const control = await context.control();
      const [one, two] = [await watch(context, control), await watch(context, control)];
      await put(control, 'a', '1');
      await context.waiting.until(() => one.seen.length === 1 && two.seen.length === 1, 'both have seen the first fact');
      await one.follower.close();
      await one.follower.close();
      await put(control, 'a', '2');
      await context.waiting.until(() => two.seen.length === 2, 'the other has seen the second fact');
      equal(one.seen, ['a=1'], 'facts of the closed follower');
    },
  },
  {
    group,
    name: 'an error in see reaches neither the putter nor other followers, and later facts are seen',
    async run(context) {
      const control = await context.control();
      await put(control, 'before', '1');
      const seen: string[] = [];
      const mine = new Error('thrown by see');
      const thrown = await uncaughtDuring(async () => {
        await context.waiting.within(
          control.follow('', (key) => {
            seen.push(key);
            throw mine;
          }),
          'follow, although see throws',
        );
        const other = await watch(context, control);
        await put(control, 'first', '1');
        await put(control, 'second', '1');
        await context.waiting.until(() => seen.length === 3 && other.seen.length === 3, 'both followers have seen all facts');
        await new Promise((resolve) => setImmediate(resolve));
      });
      equal(seen, ['before', 'first', 'second'], 'facts seen by the follower that throws');
      holds(thrown.every((error) => error === mine), 'nothing is thrown but what see threw');
    },
  },
  {
    group,
    name: 'see may put facts itself; nobody sees them before what they answer',
    async run(context) {
      const control = await context.control();
      const answers: Promise<void>[] = [];
      const first = await context.waiting.within(control.follow('ask/', (key, value) => {
        if (value !== undefined) answers.push(put(control, `answer/${key.slice(4)}`, textOf(value)));
      }), 'follow');
      const { seen } = await watch(context, control);
      for (const i of [1, 2, 3]) await put(control, `ask/${i}`, `${i}`);
      await context.waiting.until(() => seen.length === 6, 'questions and answers are seen');
      await Promise.all(answers);
      for (const i of [1, 2, 3]) holds(seen.indexOf(`ask/${i}=${i}`) < seen.indexOf(`answer/${i}=${i}`), `question ${i} is seen before its answer: ${seen.join(' ')}`);
      await first.close();
    },
  },
  {
    group,
    name: 'facts belong to one pipeline, are shared by connections, and outlast sessions and deletions',
    async run(context) {
      const pipeline = context.name('pipeline');
      const owner = context.owner();
      const [mine, other] = [await context.control(pipeline), await context.control()];
      await put(mine, 'generation', '7');
      await put(other, 'generation', '1');
      await (await context.replica({ id: owner })).session.close();
      await (await context.transport()).deleteResources({ owners: [owner], channels: [pipeline] });
      const { seen } = await watch(context, await context.control(pipeline, await context.connect()));
      equal(seen, ['generation=7'], 'facts of the pipeline on another connection');
    },
  },
  {
    group,
    name: 'values may be empty, binary and large, and stay as they were put; a thousand keys are kept',
    async run(context) {
      const control = await context.control();
      const large = new Uint8Array(100_000).map((_, i) => i % 251);
      const changed = bytesOf('as it was');
      const values = new Map<string, Uint8Array | undefined>();
      await control.put('large', large.slice());
      await control.put('empty', new Uint8Array(0));
      await control.put('changed', changed);
      changed.fill(0);
      await Promise.all(Array.from({ length: 1000 }, (_, i) => put(control, `many/${i}`, `${i}`)));
      await context.waiting.within(control.follow('', (key, value) => void values.set(key, value)), 'follow');
      equal(values.size, 1003, 'keys');
      equal([values.get('large')?.byteLength, Buffer.compare(values.get('large') ?? new Uint8Array(0), large)], [100_000, 0], 'size and content of a large fact');
      equal([values.get('empty')?.byteLength, textOf(values.get('changed')), textOf(values.get('many/999'))], [0, 'as it was', '999'], 'other facts');
    },
  },
  {
    group,
    name: 'removing what is not there is quiet; a key removed can be put again',
    async run(context) {
      const control = await context.control();
      await control.remove('never');
      await put(control, 'key', '1');
      await control.remove('key');
      await control.remove('key');
      equal((await watch(context, control)).seen, [], 'facts after the removal');
      await put(control, 'key', '2');
      equal((await watch(context, control)).seen, ['key=2'], 'facts after the key was put again');
    },
  },
];

/** The latest fact of each key. */
function lastOf(seen: readonly string[]): Map<string, string> {
  const facts = new Map<string, string>();
  for (const fact of seen) {
    const [key = '', value] = fact.split('=');
    if (value === undefined) facts.delete(key);
    else facts.set(key, value);
  }
  return facts;
}
