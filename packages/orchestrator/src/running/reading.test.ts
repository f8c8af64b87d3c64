import { TOMBSTONE, type Entry, type OutgoingBatch } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collects, counts, Counter, gate, Num, nums, Place, range, sends, Sink, Source, turns, watchCommits } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const text = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString();

describe('retrieve', () => {
  it('gives what is there, an empty array where that is nothing, and never waits', async () => {
    const sizes: number[] = [];
    const source = place.add(Source, 'source', sends(10, 10));
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        const values = input.retrieve();
        sizes.push(values.length, input.retrieve().length);
      },
    }).in.connect(source.out);
    await (await place.start()).completed;
    expect(sizes.filter((size) => size > 0)).toEqual([10]);
    expect(sizes).toContain(0);
  });

  it('gives an array of the ordinary kind where nothing is there: a frozen one would slow the loops over all others down', async () => {
    const isFrozen: boolean[] = [];
    const source = place.add(Source, 'source', sends(10, 10));
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        for (let values = input.retrieve(); ; values = input.retrieve()) {
          isFrozen.push(Object.isFrozen(values));
          if (values.length === 0) break;
        }
        isFrozen.push(Object.isFrozen(input.retrieveEntries()));
      },
    }).in.connect(source.out);
    await (await place.start()).completed;
    expect(isFrozen.length).toBeGreaterThan(2);
    expect(isFrozen).not.toContain(true);
  });

  it('may be called several times in a step', async () => {
    const got: number[] = [];
    const source = place.add(Source, 'source', { ...sends(50, 1) });
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        for (let values = input.retrieve(); values.length > 0; values = input.retrieve()) for (const { n } of values) got.push(n);
      },
    }, { ports: { in: { partitions: 4 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(new Set(got)).toEqual(new Set(range(50)));
    expect(got.length).toBe(50);
  });

  it('gives a large encoded batch in parts, in order, and commits cover what was given', async () => {
    place = new Place('wire');
    const parts: number[][] = [];
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => {
      await out.send(nums(0, 100_000));
      return true;
    } });
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => {
      const part = input.retrieve();
      if (part.length > 0) parts.push(part.map(({ n }) => n));
    } }).in.connect(source.out);
    const watched = watchCommits();
    await (await place.start({ backends: [watched.backend], defaults: { commitInterval: 0 } })).completed;
    expect(parts.flat()).toEqual(range(100_000));
    expect(parts.length).toBeGreaterThan(2);
    const given = parts.map((part) => part.at(-1)! + 1);
    expect(watched.of('p.sink#0').flatMap(({ positions }) => Object.values(positions))).toEqual(given);
  });

  it('after the replica has closed is an error', async () => {
    let sink: Sink | undefined;
    const source = place.add(Source, 'source', sends(1));
    place.add(Sink, 'sink', { onInit: (self) => void (sink = self), onRunning: ({ in: input }) => void input.retrieve() }).in.connect(source.out);
    await (await place.start()).completed;
    expect(() => sink?.in.retrieve()).toThrow(/MILLRACE_PORT_CLOSED: p\.sink#0 read from in after it was closed/);
    expect(() => sink?.in.retrieveEntries()).toThrow('MILLRACE_PORT_CLOSED');
  });

  it('knows its partitions', async () => {
    const partitions: (readonly number[])[] = [];
    const source = place.add(Source, 'source', sends(1));
    place.add(Sink, 'sink', { onInit: ({ in: input }) => void partitions.push(input.partitions), onRunning: ({ in: input }) => void input.retrieve() }, { replicas: 2, ports: { in: { partitions: 5 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(partitions.sort((a, b) => a[0]! - b[0]!)).toEqual([[0, 2, 4], [1, 3]]);
  });
});

describe.each(['', 'wire'])('retrieveEntries of memory:?%s', (query) => {
  it('gives key, headers, time, partition and offset', async () => {
    place = new Place(query);
    const entries: Entry<Num>[] = [];
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(0, 3), {
          key: ({ n }) => (n === 1 ? null : `key ${n}`),
          headers: ({ n }) => (n === 0 ? { kind: 'text', raw: Uint8Array.of(1, 2) } : n === 1 ? [['twice', 'a'], ['twice', 'b']] : undefined),
          timestamp: ({ n }) => 1_000 + n,
        });
        return true;
      },
    });
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => void entries.push(...input.retrieveEntries()) }).in.connect(source.out);
    await (await place.start()).completed;
    expect(entries.map(({ value, key, headers, ...rest }) => ({ ...value, key: text(key), headers: headers.map(([name, value]) => [name, text(value)]), ...rest }))).toEqual([
      { n: 0, key: 'key 0', headers: [['kind', 'text'], ['raw', '\u0001\u0002']], timestamp: 1_000, partition: 0, offset: 0 },
      { n: 1, key: null, headers: [['twice', 'a'], ['twice', 'b']], timestamp: 1_001, partition: 0, offset: 1 },
      { n: 2, key: 'key 2', headers: [], timestamp: 1_002, partition: 0, offset: 2 },
    ]);
  });

  it('of records without anything has the time of their sending', async () => {
    place = new Place(query);
    const clock = new SettableClock();
    clock.setWall(1_234_567);
    const entries: Entry<Num>[] = [];
    const source = place.add(Source, 'source', sends(2, 2));
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => void entries.push(...input.retrieveEntries()) }).in.connect(source.out);
    await (await place.start({ clock })).completed;
    expect(entries).toEqual(range(2).map((n) => ({ value: { n }, key: null, headers: [], timestamp: 1_234_567, partition: 0, offset: n })));
  });

  it.each([false, true])('passes over records without a value and counts them, unless asked for them: tombstones %s', async (tombstones) => {
    place = new Place(query);
    const values: (number | null)[] = [];
    const source = place.add(Source, 'source', { onRunning: () => values.length >= (tombstones ? 3 : 2) });
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        const entries = tombstones ? input.retrieveEntries({ tombstones }) : input.retrieveEntries();
        values.push(...entries.map(({ value }) => value?.n ?? null));
      },
    }).in.connect(source.out);
    const run = await place.start();
    await place.until(() => run.stages.get('p.sink#0') === 'OperationRunning');
    await place.look(async (transport) => {
      const session = await transport.open({ id: 'stranger', delivery: 'at-least-once', wake() {} });
      const writer = await session.writer('p.sink.in');
      void writer.writeRecords(batchWithTombstone(query === 'wire'));
      await session.commit(new Map());
      await run.completed;
    });
    expect(values).toEqual(tombstones ? [0, null, 2] : [0, 2]);
    expect((await run.metrics()).replicas.find(({ operator }) => operator === 'sink')?.ports[0]?.tombstones).toBe(tombstones ? 0 : 1);
  });
});

/** The numbers 0 and 2, and nothing between them. */
function batchWithTombstone(wire: boolean): OutgoingBatch {
  const base = { partition: 0, count: 3, schema: Num.fingerprint, timestamp: 1 };
  const none = 0xffff_ffff;
  // Avro integers are zigzag: 4 is 2.
  return wire ? { ...base, bytes: Uint8Array.of(0, 4), bounds: Uint32Array.of(0, 1, none, none, 1, 2) } : { ...base, bytes: new Uint8Array(0), bounds: new Uint32Array(0), objects: [{ n: 0 }, TOMBSTONE, { n: 2 }] };
}

describe('retainFrom', () => {
  it('keeps positions back over commits, and records come again after a restart', async () => {
    const { backend, of } = watchCommits();
    const got: number[] = [];
    const source = place.add(Counter, 'source', counts(10, 5));
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        for (const { value, offset, partition } of input.retrieveEntries()) {
          got.push(value.n);
          // Holds 4 and what follows.
          if (value.n === 4) input.retainFrom(partition, offset);
        }
        return false;
      },
    }, { commitInterval: 0 }).in.connect(source.out);
    const run = await place.start({ backends: [backend] });
    await place.until(() => got.length === 10);
    await run.stop({ mode: 'now' });
    expect(of('p.sink#0').flatMap(({ positions }) => Object.values(positions)).at(-1)).toBe(4);
    place.play('sink', collects(got));
    await (await place.start()).completed;
    expect(got).toEqual([...range(10), 4, 5, 6, 7, 8, 9]);
  });

  it('lets go with Infinity, in a step that does nothing else', async () => {
    const clock = new SettableClock();
    const { backend, of } = watchCommits();
    let sink: Sink | undefined;
    let release = false;
    const held = gate();
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => (await out.send(nums(0, 3)), await held.opened, true) });
    place.add(Sink, 'sink', {
      onInit: (self) => void (sink = self),
      onRunning({ in: input }) {
        input.retrieve();
        input.retainFrom(0, release ? Infinity : 1);
      },
    }).in.connect(source.out);
    const run = await place.start({ clock, backends: [backend] });
    const positions = () => of('p.sink#0').map(({ positions }) => positions['p.sink.in/0']);
    await place.until(() => positions().length === 1);
    expect(positions()).toEqual([1]);
    release = true;
    sink?.ask();
    await place.until(() => positions().length === 2);
    expect(positions()).toEqual([1, 3]);
    held.open();
    await run.completed;
  });

  it('of more than the channel holds does not stop the flow', async () => {
    place = new Place('records=3');
    const got: number[] = [];
    const source = place.add(Source, 'source', sends(200, 2));
    place.add(Sink, 'sink', {
      onRunning({ in: input }) {
        for (const { n } of input.retrieve()) got.push(n);
        input.retainFrom(0, 0);
      },
    }).in.connect(source.out);
    expect((await (await place.start()).completed).outcome).toBe('done');
    expect(got).toEqual(range(200));
  });

  it('never moves a position back', async () => {
    const { backend, of } = watchCommits();
    const held = gate();
    let sink: Sink | undefined;
    const source = place.add(Source, 'source', { onRunning: async ({ out }) => (await out.send(nums(0, 5)), await held.opened, true) });
    place.add(Sink, 'sink', {
      onInit: (self) => void (sink = self),
      onRunning: ({ in: input }) => (input.retrieve().length === 0 ? input.retainFrom(0, 2) : undefined),
    }).in.connect(source.out);
    const run = await place.start({ backends: [backend] });
    await place.until(() => of('p.sink#0').length === 1);
    sink?.ask();
    await turns();
    held.open();
    await run.completed;
    expect(of('p.sink#0').map(({ positions }) => positions)).toEqual([{ 'p.sink.in/0': 5 }, {}]);
  });

  it('of a partition that the replica does not read names those that it does', async () => {
    const source = place.add(Source, 'source', sends(1));
    place.add(Sink, 'sink', { onRunning: ({ in: input }) => input.retainFrom(1, 0) }, { replicas: 2, ports: { in: { partitions: 4 } } }).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_OPTION_INVALID', message: expect.stringMatching(/p\.sink#0 retains partition 1 of in, but it reads 0, 2/) as string });
  });
});

describe('records', () => {
  it('are read by every replica with broadcast, and once by one of them without', async () => {
    const shared: number[] = [];
    const each: number[][] = [[], [], []];
    const source = place.add(Source, 'source', sends(60, 4));
    place.add(Sink, 'shared', collects(shared), { replicas: 3 }).in.connect(source.out);
    place.add(Sink, 'each', { onRunning: ({ in: input, context }) => void each[context.replica]?.push(...input.retrieve().map(({ n }) => n)) }, { replicas: 3, ports: { in: { broadcast: true } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect([...shared].sort((a, b) => a - b)).toEqual(range(60));
    expect(each).toEqual([range(60), range(60), range(60)]);
  });
});
