import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, gate, Join, nums, Place, range, Relay, sends, Sink, Source, turns, watchCommits, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

describe('two loops beside each other', () => {
  const both = (got: string[], body: () => Promise<void> | void = () => undefined): Role<Join> => ({
    async onRunning({ a, b }) {
      const read = async (name: string, port: typeof a) => {
        for await (const batch of port) {
          await body();
          for (const { n } of batch) got.push(`${name}${n}`);
        }
      };
      await Promise.all([read('a', a), read('b', b)]);
    },
  });

  it('read both inputs, each in its order, and end when both have', async () => {
    const got: string[] = [];
    const first = place.add(Source, 'first', sends(500, 3));
    const second = place.add(Source, 'second', sends(300, 5));
    const join = place.add(Join, 'join', both(got), { commitInterval: 0 });
    join.a.connect(first.out);
    join.b.connect(second.out);
    await (await place.start()).completed;
    expect(got.filter((text) => text.startsWith('a'))).toEqual(range(500).map((n) => `a${n}`));
    expect(got.filter((text) => text.startsWith('b'))).toEqual(range(300).map((n) => `b${n}`));
  });

  it('are committed when neither has a batch in hand, however busy both are', async () => {
    place = new Place('records=2');
    const { backend, of } = watchCommits();
    const got: string[] = [];
    let inHand = 0;
    let bad = 0;
    const first = place.add(Source, 'first', sends(60));
    const second = place.add(Source, 'second', sends(40));
    const join = place.add(Join, 'join', {
      ...both(got, async () => {
        inHand++;
        await turns(1 + (got.length % 3));
        inHand--;
      }),
      onCommit: () => void (bad += inHand),
    }, { commitInterval: 0 });
    join.a.connect(first.out);
    join.b.connect(second.out);
    await (await place.start({ backends: [backend] })).completed;
    expect(got.length).toBe(100);
    expect(bad).toBe(0);
    expect(of('p.join#0').length).toBeGreaterThan(5);
  });

  it('do not wait for each other: one goes on while the other has a long batch in hand', async () => {
    const got: string[] = [];
    const long = gate();
    const first = place.add(Source, 'first', sends(5));
    const second = place.add(Source, 'second', sends(1));
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        await Promise.all([
          (async () => {
            for await (const batch of a) {
              for (const { n } of batch) got.push(`a${n}`);
            }
          })(),
          (async () => {
            for await (const batch of b) {
              await long.opened;
              got.push(`b${batch.length}`);
            }
          })(),
        ]);
      },
    }, { commitInterval: 1_000_000 });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await place.until(() => got.length === 5);
    expect(got).toEqual(range(5).map((n) => `a${n}`));
    long.open();
    await run.completed;
    expect(got.at(-1)).toBe('b1');
  });
});

describe('a loop in the body of another one', () => {
  it('goes on although a commit is due, which has to wait for the outer one', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    const got: string[] = [];
    const first = place.add(Source, 'first', sends(3));
    const held = gate();
    const second = place.add(Source, 'second', { onRunning: async ({ out }) => (await held.opened, await out.send(nums(0, 1)), await out.send(nums(1, 2)), await out.send(nums(2, 6)), true) });
    const inside = gate();
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        for await (const outer of a) {
          got.push(`a${outer.map(({ n }) => n).join(' ')}`);
          inside.open();
          for await (const inner of b) got.push(`b${inner.map(({ n }) => n).join(' ')}`);
          got.push('after');
        }
      },
    }, { commitInterval: 5, tick: 5, ports: { a: { onError: 'skip' } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start({ clock, backends: [backend] });
    await inside.opened;
    for (let i = 0; i < 50; i++) {
      await clock.advance(1);
      await turns(1);
    }
    expect(of('p.join#0').filter(({ positions }) => 'p.join.a/0' in positions)).toEqual([]);
    held.open();
    await run.completed;
    expect(got.filter((text) => text.startsWith('b')).join(' ').replaceAll('b', '')).toBe('0 1 2 3 4 5');
    expect(got.filter((text) => text.startsWith('a') && text !== 'after').join(' ').replaceAll('a', '')).toBe('0 1 2');
  });

  it('goes on during a replay', async () => {
    const got: string[] = [];
    let failed = false;
    const first = place.add(Source, 'first', sends(4, 2));
    const second = place.add(Source, 'second', sends(6, 2));
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        for await (const outer of a) {
          for await (const inner of b) {
            got.push(...inner.map(({ n }) => `b${n}`));
            if (failed || !got.includes('b3')) continue;
            failed = true;
            got.length = 0;
            throw new Error('once');
          }
          got.push(...outer.map(({ n }) => `a${n}`));
        }
      },
    }, { ports: { a: { retries: 1 }, b: { retries: 1 } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    await (await place.start()).completed;
    expect(got.filter((text) => text.startsWith('b'))).toEqual(range(6).map((n) => `b${n}`));
    expect(got.filter((text) => text.startsWith('a'))).toEqual(range(4).map((n) => `a${n}`));
  });
});

describe('loops one after the other', () => {
  it('read first one input to its end, then the other: a table, then what is held against it', async () => {
    const got: string[] = [];
    const held = gate();
    const first = place.add(Source, 'first', { onRunning: async ({ out }) => (await held.opened, await out.send(nums(0, 3)), true) });
    const second = place.add(Source, 'second', sends(5));
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        for await (const batch of a) got.push(...batch.map(({ n }) => `a${n}`));
        for await (const batch of b) got.push(...batch.map(({ n }) => `b${n}`));
      },
    });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    await place.until(() => run.stages.get('p.second#0') === 'Closed');
    held.open();
    await run.completed;
    expect(got).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'b3', 'b4']);
  });
});

describe('an error in a loop', () => {
  it('is met as in any step: the record is skipped where it stands, and the others are read once', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(30, 10));
    const relay = place.add(Relay, 'relay', {
      async onRunning({ in: input, out }) {
        for await (const batch of input) {
          if (batch.some(({ n }) => n === 14)) throw new Error('14');
          await out.send(batch);
        }
      },
    }, { delivery: 'exactly-once', ports: { in: { onError: 'skip' } } });
    relay.in.connect(source.out);
    place.add(Sink, 'sink', collects(got)).in.connect(relay.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(30).filter((n) => n !== 14));
  });

  it.each(['a', 'b'])('in one of two loops is held against its own record, and nothing of it is committed: %s', async (culprit) => {
    const got: string[] = [];
    const over: string[] = [];
    const first = place.add(Source, 'first', sends(20, 4));
    const second = place.add(Source, 'second', sends(20, 4));
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        const read = async (name: string, port: typeof a) => {
          try {
            for await (const batch of port) {
              await turns(name === 'b' ? 2 : 1);
              if (name === culprit && batch.some(({ n }) => n === 7)) throw new Error('seven');
              for (const { n } of batch) got.push(`${name}${n}`);
            }
          } catch (error) {
            over.push(`${name}: ${(error as Error).message}`);
            throw error;
          }
        };
        await Promise.all([read('a', a), read('b', b)]);
      },
    }, { commitInterval: 0, ports: { a: { onError: 'skip' }, b: { onError: 'skip' } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    const run = await place.start();
    expect((await run.completed).outcome).toBe('done');
    const all = ['a', 'b'].flatMap((name) => range(20).map((n) => `${name}${n}`)).filter((text) => text !== `${culprit}7`);
    expect(new Set(got)).toEqual(new Set(all));
    // The other loop of an instance that failed is told too, and does not live on.
    expect(over.filter((text) => !text.startsWith(culprit)).length).toBeGreaterThan(0);
    const skipped = (await run.metrics()).replicas.flatMap(({ ports }) => ports).map(({ port, skipped }) => [port, skipped]);
    expect(skipped).toContainEqual([culprit, 1]);
    expect(skipped).toContainEqual([culprit === 'a' ? 'b' : 'a', 0]);
  });

  it('is not outrun by a commit while another loop waits', async () => {
    const tries: number[] = [];
    const first = place.add(Source, 'first', sends(1));
    const held = gate();
    const second = place.add(Source, 'second', { onRunning: async () => (await held.opened, true) });
    const join = place.add(Join, 'join', {
      async onRunning({ a, b }) {
        const read = async (port: typeof a) => {
          for await (const batch of port) {
            tries.push(batch.length);
            if (tries.length < 3) throw new Error('no');
            held.open();
          }
        };
        // Errors take a while to come out of this.
        await Promise.all([Promise.all([read(a), Promise.resolve()]).then(() => undefined), read(b)]);
      },
    }, { commitInterval: 0, ports: { a: { retries: 5, backoff: 0 } } });
    join.a.connect(first.out);
    join.b.connect(second.out);
    await (await place.start()).completed;
    expect(tries).toEqual([1, 1, 1]);
  });
});

