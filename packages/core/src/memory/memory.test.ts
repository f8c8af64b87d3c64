import { afterEach, describe, expect, it } from 'vitest';
import { TOMBSTONE, type ChannelReader, type ChannelSpec, type ChannelWriter, type OutgoingBatch, type Owner, type RecordBatch, type Session, type Transport } from '../channel/spi.js';
import { dropMemorySpace, memoryBackend } from './index.js';

let spaces = 0;
const used = new Set<string>();
afterEach(() => {
  for (const space of used) dropMemorySpace(space);
  used.clear();
});

function freshSpace(): string {
  const space = `memory-test-${++spaces}`;
  used.add(space);
  return space;
}

interface Bench {
  readonly space: string;
  readonly transport: Transport;
  readonly open: (id?: string, delivery?: Owner['delivery'], more?: Partial<Owner>) => Promise<Session>;
  readonly reader: (session: Session, group?: string, start?: 'earliest' | 'latest') => Promise<ChannelReader>;
}

async function bench(query = '', spec: Partial<ChannelSpec> = {}, space = freshSpace()): Promise<Bench> {
  const transport = await memoryBackend.connect(`memory:${space}${query}`);
  await transport.createResources([{ name: 'c', partitions: 1, ...spec }]);
  return {
    space,
    transport,
    open: (id = 'p.op#0', delivery = 'at-least-once', more = {}) => transport.open({ id, delivery, wake: () => undefined, ...more }),
    async reader(session, group = 'g', start = 'earliest') {
      const reader = await session.reader('c', { group, partitions: [0], start });
      await reader.loadInputRecordOffset();
      return reader;
    },
  };
}

const plain = { partition: 0, bytes: new Uint8Array(0), bounds: new Uint32Array(0), schema: '0'.repeat(16), timestamp: 1 };
const objects = (...values: unknown[]): OutgoingBatch => ({ ...plain, count: values.length, objects: values });
const many = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
const encoded = (...values: string[]): OutgoingBatch => {
  const bytes = new TextEncoder().encode(values.join(''));
  let at = 0;
  return { ...plain, count: values.length, bytes, bounds: Uint32Array.from(values.flatMap((value) => [at, (at += value.length)])) };
};
const texts = (batch: RecordBatch | undefined): string[] =>
  Array.from({ length: batch?.count ?? 0 }, (_, i) => new TextDecoder().decode(batch?.bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1])));
const code = (expected: string): unknown => expect.objectContaining({ code: expected });

function readAll(reader: ChannelReader): RecordBatch[] {
  const batches: RecordBatch[] = [];
  for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) batches.push(batch);
  return batches;
}

/** Commits a reader to the end of what it read. */
function commitAll(session: Session, reader: ChannelReader): RecordBatch[] {
  const batches = readAll(reader);
  const next = batches.at(-1)?.next;
  void session.commit(new Map(next === undefined ? [] : [[reader, new Map([[0, next]])]]));
  return batches;
}

async function isOpen(promise: Promise<unknown>): Promise<boolean> {
  let still = true;
  const settled = (): void => void (still = false);
  promise.then(settled, settled);
  await new Promise((resolve) => setImmediate(resolve));
  return still;
}

function fill(writer: ChannelWriter, batch: () => OutgoingBatch): Promise<void> {
  for (let i = 0; i < 10_000; i++) {
    const room = writer.writeRecords(batch());
    if (room !== undefined) return room;
  }
  throw new Error('the channel never fills up');
}

describe('the data path', () => {
  it('gives a large batch out as it came in, the very array', async () => {
    const { open, reader } = await bench();
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    const values = many(500);
    void writer.writeRecords(objects(...values.slice(0, 0)));
    void writer.writeRecords({ ...plain, count: 500, objects: values });
    expect(input.readRecords()?.objects).toBe(values);
  });

  it('gives encoded values out over the very bytes', async () => {
    const { open, reader } = await bench('?wire');
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    const batch = encoded(...many(100).map(String));
    void writer.writeRecords(batch);
    const read = input.readRecords();
    expect(read?.bytes).toBe(batch.bytes);
    expect(read?.bounds).toBe(batch.bounds);
    expect(texts(read)).toEqual(many(100).map(String));
  });

  it('gathers batches of one, and gives them out together', async () => {
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      const { open, reader } = await bench();
      const session = await open('p.op#0', delivery);
      const [writer, input] = [await session.writer('c'), await reader(session)];
      for (let i = 0; i < 1000; i++) void writer.writeRecords(objects(i));
      void session.commit(new Map());
      const batches = readAll(input);
      expect(batches.flatMap((batch) => batch.objects ?? [])).toEqual(many(1000));
      expect(batches.length).toBe(1);
    }
  });

  it('says of a batch that it has no tombstones only where every writer said so', async () => {
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      const { open, reader } = await bench();
      const session = await open('p.op#0', delivery);
      const [writer, input] = [await session.writer('c'), await reader(session)];
      const said = (count: number, noTombstones: boolean | undefined): boolean | undefined => {
        // Small batches, which are gathered, and large ones, which are kept as they are.
        void writer.writeRecords({ ...objects(...many(count)), noTombstones: true });
        void writer.writeRecords({ ...objects(...many(count)), noTombstones });
        void session.commit(new Map());
        return readAll(input).at(-1)?.noTombstones;
      };
      for (const count of [3, 500]) {
        expect(said(count, true)).toBe(true);
        expect(said(count, undefined)).toBe(false);
        expect(said(count, false)).toBe(false);
      }
    }
  });

  it('gathers small encoded batches too, over bytes of its own', async () => {
    const { open, reader } = await bench('?wire');
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    for (let i = 0; i < 300; i++) void writer.writeRecords(encoded(`first ${i}`, `second ${i}`));
    const batches = readAll(input);
    expect(batches.length).toBe(1);
    expect(texts(batches[0]).slice(0, 3)).toEqual(['first 0', 'second 0', 'first 1']);
    expect(texts(batches[0]).at(-1)).toBe('second 299');
  });

  it('gathers keys, headers and timestamps where only some have them', async () => {
    const { open, reader } = await bench();
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    const key = new Uint8Array([1]);
    void writer.writeRecords(objects('a'));
    void writer.writeRecords({ ...objects('b', 'c'), keys: [key, undefined] });
    void writer.writeRecords({ ...objects('d'), timestamp: 5 });
    void writer.writeRecords({ ...objects('e'), headers: [[['h', key]]] });
    const batch = input.readRecords();
    expect(many(5).map((i) => [batch?.objects?.[i], batch?.key(i), batch?.timestamp(i), batch?.headers(i)])).toEqual([
      ['a', undefined, 1, undefined], ['b', key, 1, undefined], ['c', undefined, 1, undefined], ['d', undefined, 5, undefined], ['e', undefined, 1, [['h', key]]],
    ]);
  });

  it('never gives out an array that is still gathered into', async () => {
    const { open, reader } = await bench();
    const session = await open();
    const [writer, one, two] = [await session.writer('c'), await reader(session, 'one'), await reader(session, 'two')];
    void writer.writeRecords(objects('a', 'b'));
    const early = one.readRecords();
    void writer.writeRecords(objects('c'));
    expect([early?.count, early?.objects]).toEqual([2, ['a', 'b']]);
    expect(readAll(two).flatMap((batch) => batch.objects)).toEqual(['a', 'b', 'c']);
    expect(readAll(one).flatMap((batch) => batch.objects)).toEqual(['c']);
  });

  it('gives a part of a stored batch where a reader begins in its middle', async () => {
    const { open, reader } = await bench();
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    void writer.writeRecords(objects(...many(100)));
    input.seek(0, 97);
    const batch = input.readRecords();
    expect([batch?.count, batch?.next, batch?.objects, batch?.offset(0), batch?.offset(2)]).toEqual([3, 100, [97, 98, 99], 97, 99]);
  });

  it('answers commits at once', async () => {
    const { open } = await bench();
    expect((await open()).commit(new Map())).toEqual({ ends: new Map() });
  });

  it('refuses what makes no sense, and takes nothing of it', async () => {
    const { open, reader } = await bench();
    const [session, other] = [await open(), await open('p.other#0')];
    const [writer, input] = [await session.writer('c'), await reader(session)];
    void writer.writeRecords(objects('a'));
    expect(() => writer.writeRecords({ ...objects('b'), count: 2 })).toThrow(code('MILLRACE_VALUE_INVALID'));
    expect(() => writer.writeRecords({ ...encoded('b'), bounds: new Uint32Array(0) })).toThrow(code('MILLRACE_VALUE_INVALID'));
    expect(() => writer.writeRecords({ ...objects('b'), partition: 1 })).toThrow(code('MILLRACE_CHANNEL_MISMATCH'));
    await expect(session.reader('c', { group: 'g', partitions: [0, 1], start: 'earliest' })).rejects.toEqual(code('MILLRACE_CHANNEL_MISMATCH'));
    for (const offset of [-1, 1.5, Number.NaN, 2]) expect(() => session.commit(new Map([[input, new Map([[0, offset]])]]))).toThrow(code('MILLRACE_CHANNEL_MISMATCH'));
    expect(() => session.commit(new Map([[input, new Map([[1, 0]])]]))).toThrow(code('MILLRACE_CHANNEL_MISMATCH'));
    expect(() => other.commit(new Map([[input, new Map([[0, 1]])]]))).toThrow(code('MILLRACE_CHANNEL_MISMATCH'));
    expect(() => input.seek(3, 0)).toThrow(code('MILLRACE_CHANNEL_MISMATCH'));
    expect(readAll(input).flatMap((batch) => batch.objects)).toEqual(['a']);
  });
});

describe('wire', () => {
  it('takes no objects', async () => {
    const { open } = await bench('?wire');
    const writer = await (await open()).writer('c');
    expect(() => writer.writeRecords(objects('a'))).toThrow(code('MILLRACE_CAPABILITY_MISSING'));
  });

  it('bounds a channel by bytes, keys and headers included, and every record counts', async () => {
    for (const batch of [encoded('x'.repeat(100)), { ...encoded(''), keys: [new Uint8Array(100)] }, { ...encoded(''), headers: [[['h', new Uint8Array(100)] as const]] }, encoded('')]) {
      const { open, reader } = await bench('?wire&bytes=10000', { groups: ['g'] });
      const [source, sink] = [await open('source'), await open('sink')];
      const room = fill(await source.writer('c'), () => batch);
      expect(await isOpen(room)).toBe(true);
      const input = await reader(sink);
      expect(readAll(input).reduce((sum, { count }) => sum + count, 0)).toBeLessThan(10_000 / 16 + 1);
      void sink.commit(new Map());
      await room;
    }
  });

  it('refuses a record larger than the bound, takes a batch larger than it, and then makes its writer wait', async () => {
    const { open, reader } = await bench('?wire&bytes=1000');
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, input] = [await source.writer('c'), await reader(sink)];
    expect(() => writer.writeRecords(encoded('ok', 'x'.repeat(1001)))).toThrow(code('MILLRACE_RECORD_TOO_LARGE'));
    expect(() => writer.writeRecords({ ...encoded('x'.repeat(990)), keys: [new Uint8Array(11)] })).toThrow(code('MILLRACE_RECORD_TOO_LARGE'));
    const room = writer.writeRecords(encoded(...many(500).map(() => 'xxxx')));
    expect(await isOpen(room ?? Promise.resolve())).toBe(true);
    expect(commitAll(sink, input).reduce((sum, { count }) => sum + count, 0)).toBe(500);
    await room;
  });

  it('bounds a step by bytes', async () => {
    const { open } = await bench('?wire');
    const writer = await (await open('p.op#0', 'exactly-once', { maxStepBytes: 1000 })).writer('c');
    void writer.writeRecords(encoded('x'.repeat(900)));
    expect(() => writer.writeRecords(encoded('x'.repeat(100)))).toThrow(code('MILLRACE_STEP_TOO_LARGE'));
  });
});

describe('the bound', () => {
  it('is what some group has not read and committed past, to the record', async () => {
    const { open, reader } = await bench('?records=10', { groups: ['one', 'two'] });
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, one, two] = [await source.writer('c'), await reader(sink, 'one'), await reader(sink, 'two')];
    for (let i = 0; i < 9; i++) expect(writer.writeRecords(objects(i))).toBeUndefined();
    const room = writer.writeRecords(objects(9)) ?? Promise.resolve();
    commitAll(sink, one);
    expect(await isOpen(room)).toBe(true);
    readAll(two);
    expect(await isOpen(room)).toBe(true);
    void sink.commit(new Map());
    await room;
  });

  it('does not count again what a group goes back to', async () => {
    const { open, reader } = await bench('?records=10', { groups: ['one', 'two'] });
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, two] = [await source.writer('c'), await reader(sink, 'two')];
    const [before, first] = [await open('before'), objects(...many(8))];
    void writer.writeRecords(first);
    readAll(await reader(before, 'one'));
    void before.commit(new Map());
    const after = await open('before');
    const one = await reader(after, 'one');
    one.seek(0, 1);
    void after.commit(new Map());
    readAll(two);
    void sink.commit(new Map());
    for (let i = 0; i < 9; i++) expect(writer.writeRecords(objects(i))).toBeUndefined();
  });

  it('never runs out for a writer that heeds it, however much passes between two commits', async () => {
    const { open, reader } = await bench('?records=10');
    const [source, sink] = [await open('source', 'at-least-once', { maxStepBytes: 1000 }), await open('sink')];
    const [writer, input] = [await source.writer('c'), await reader(sink)];
    for (let i = 0; i < 100; i++) {
      const room = writer.writeRecords(objects(...many(500)));
      commitAll(sink, input);
      await room;
    }
  });

  it('of a step begins anew with each commit', async () => {
    const { open } = await bench('', {});
    const session = await open('p.op#0', 'exactly-once', { maxStepBytes: 1000 });
    const writer = await session.writer('c');
    for (let i = 0; i < 3; i++) {
      void writer.writeRecords(objects(...many(900)));
      void session.commit(new Map());
    }
    void writer.writeRecords(objects(...many(900)));
    expect(() => writer.writeRecords(objects(...many(900)))).toThrow(code('MILLRACE_STEP_TOO_LARGE'));
  });

  it('is that of the transport that made the channel', async () => {
    const { space, open } = await bench('?records=3', { groups: ['g'] });
    const other = await bench('?records=1000', {}, space);
    expect(await isOpen(fill(await (await other.open('other')).writer('c'), () => objects(1, 2)))).toBe(true);
    expect((await other.transport.describeChannel('c'))?.ends.get(0)).toBe(4);
    await open();
  });

  it('holds without any group too, until one comes', async () => {
    const { open, reader } = await bench('?records=10');
    const [source, sink] = [await open('source'), await open('sink')];
    const writer = await source.writer('c');
    const room = fill(writer, () => objects(1));
    expect(await isOpen(room)).toBe(true);
    const late = await reader(sink, 'late', 'latest');
    await room;
    expect(readAll(late)).toEqual([]);
  });

  it('does not count history that a new group replays', async () => {
    const { open, reader } = await bench('?records=10', { groups: ['g'], retention: { records: 1000 } });
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, input] = [await source.writer('c'), await reader(sink)];
    for (let i = 0; i < 100; i++) {
      void writer.writeRecords(objects(i));
      commitAll(sink, input);
    }
    const replay = await reader(sink, 'replay');
    expect(writer.writeRecords(objects(100))).toBeUndefined();
    expect(readAll(replay).reduce((sum, { count }) => sum + count, 0)).toBe(101);
  });

  it('takes a write that only the own session could make room for, up to the bound of a step', async () => {
    const { open, reader } = await bench('?records=10');
    const session = await open();
    const [writer] = [await session.writer('c'), await reader(session)];
    const write = (): void => {
      for (let i = 0; i < 3000; i++) expect(writer.writeRecords(objects(...many(100)))).toBeUndefined();
    };
    expect(write).toThrow(code('MILLRACE_STEP_TOO_LARGE'));
    expect(session.wantsCommit).toBe(true);
    void session.commit(new Map());
    expect(writer.writeRecords(objects(1))).toBeUndefined();
  });

  it('does not let a writer that heeds no promise fill the memory, not over many steps either', async () => {
    const { open } = await bench('', { groups: ['g'] });
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      const session = await open(delivery, delivery);
      const writer = await session.writer('c');
      const outcomes: unknown[] = [];
      const step = (): void => {
        for (let i = 0; i < 100; i++) writer.writeRecords(objects(...many(500)))?.catch((error: unknown) => outcomes.push(error));
      };
      expect(() => {
        for (let steps = 0; steps < 10; steps++) {
          step();
          void session.commit(new Map());
        }
      }).toThrow(code('MILLRACE_STEP_TOO_LARGE'));
      await session.close();
    }
  });

  it('of a step is 100,000 records unless said otherwise', async () => {
    const { open } = await bench('?records=1000000');
    const writer = await (await open('p.op#0', 'exactly-once')).writer('c');
    void writer.writeRecords(objects(...many(100_000)));
    expect(() => writer.writeRecords(objects(1))).toThrow(/MILLRACE_STEP_TOO_LARGE.*100001 records.*100000/);
  });

  it('asks a reader for its commit before the writer has to wait, once it has read what is there', async () => {
    const { open, reader } = await bench('?records=1000');
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, input] = [await source.writer('c'), await reader(sink)];
    const asks = (): boolean => {
      expect(writer.writeRecords(objects(...many(125)))).toBeUndefined();
      readAll(input);
      return sink.wantsCommit;
    };
    expect([asks(), asks(), asks()]).toEqual([false, true, true]);
    commitAll(sink, input);
    expect([sink.wantsCommit, asks(), asks()]).toEqual([false, false, true]);
  });

  it('lets a reader read on before it asks, but not for ever', async () => {
    const { open, reader } = await bench('?records=1000');
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, input] = [await source.writer('c'), await reader(sink)];
    const reads = (): number => {
      const room = fill(writer, () => objects(...many(100)));
      room.catch(() => {});
      let count = 0;
      while (!sink.wantsCommit && count < 100 && input.readRecords() !== undefined) count++;
      return count;
    };
    // All that is there.
    expect(reads()).toBe(10);
    commitAll(sink, input);
    for (let i = 0; i < 20; i++) writer.writeRecords(objects(...many(100)))?.catch(() => {});
    expect(reads()).toBe(16);
    await Promise.all([source.close(), sink.close()]);
  });

  it('asks a session before it has staged what a step may stage', async () => {
    const { open } = await bench('', {});
    const session = await open('p.op#0', 'exactly-once', { maxStepBytes: 1000 });
    const writer = await session.writer('c');
    void writer.writeRecords(objects(...many(500)));
    expect(session.wantsCommit).toBe(false);
    void writer.writeRecords(objects(1));
    expect(session.wantsCommit).toBe(true);
  });

  it('asks the session that staged much, once, by a wake', async () => {
    let wakes = 0;
    const { open } = await bench('?records=100');
    const session = await open('p.op#0', 'exactly-once', { wake: () => wakes++ });
    const writer = await session.writer('c');
    for (let i = 0; i < 99; i++) void writer.writeRecords(objects(i));
    expect([session.wantsCommit, wakes]).toEqual([false, 0]);
    for (let i = 0; i < 99; i++) void writer.writeRecords(objects(i));
    expect([session.wantsCommit, wakes]).toEqual([true, 1]);
    void session.commit(new Map());
    expect(session.wantsCommit).toBe(false);
  });
});

describe('retention', () => {
  async function consumed(retention: ChannelSpec['retention'], batches: readonly OutgoingBatch[], query = ''): Promise<Bench> {
    const made = await bench(query, { groups: ['g'], ...(retention === undefined ? {} : { retention }) });
    const session = await made.open();
    const [writer, input] = [await session.writer('c'), await made.reader(session)];
    for (const batch of batches) void writer.writeRecords(batch);
    commitAll(session, input);
    return made;
  }
  const start = async ({ transport }: Bench): Promise<number | undefined> => (await transport.describeChannel('c'))?.starts.get(0);

  it('keeps nothing that is consumed unless it is asked to', async () => {
    expect(await start(await consumed(undefined, [objects(...many(100)), objects(1)]))).toBe(101);
  });

  it('starts in the middle of a stored batch where that is what was committed', async () => {
    const made = await bench('', { groups: ['g'] });
    const session = await made.open();
    const [writer, input] = [await session.writer('c'), await made.reader(session)];
    void writer.writeRecords(objects(...many(100)));
    readAll(input);
    void session.commit(new Map([[input, new Map([[0, 40]])]]));
    expect(await start(made)).toBe(40);
    expect((await made.reader(session, 'new')).readRecords()?.objects?.[0]).toBe(40);
  });

  it('keeps so many records', async () => {
    expect(await start(await consumed({ records: 30 }, [objects(...many(100)), objects(1)]))).toBe(71);
  });

  it('keeps so many bytes, by whole stored batches', async () => {
    const hundred = encoded(...many(100).map(() => 'x'.repeat(84)));
    expect(await start(await consumed({ bytes: 25_000 }, [hundred, hundred, hundred, hundred], '?wire'))).toBe(200);
  });

  it('keeps what is young enough, by whole stored batches', async () => {
    const at = (timestamp: number): OutgoingBatch => ({ ...objects(...many(100)), timestamp });
    const now = Date.now();
    expect(await start(await consumed({ ms: 3_600_000 }, [at(now - 7_200_000), at(now - 4_000_000), at(now), at(now)]))).toBe(200);
  });

  const keyed = (from: number, count: number, of: number, value: (i: number) => unknown = (i) => i): OutgoingBatch => ({
    ...objects(...many(count, from).map(value)),
    keys: many(count, from).map((i) => new Uint8Array([i % of, 7])),
  });

  it('compacts: the latest of each key at its offset, gaps in between, positions that pass them', async () => {
    const { open, reader, transport } = await bench('', { retention: { compact: true } });
    const session = await open();
    const writer = await session.writer('c');
    for (let at = 0; at < 5000; at += 100) void writer.writeRecords(keyed(at, 100, 50));
    void writer.writeRecords(keyed(5000, 10, 50, () => TOMBSTONE));
    void writer.writeRecords({ ...objects('keyless'), keys: undefined });
    for (let at = 5100; at < 8100; at += 100) void writer.writeRecords({ ...keyed(at, 100, 50, (i) => i), keys: many(100).map((i) => new Uint8Array([20 + (i % 10), 7])) });
    const input = await reader(session, 'replay');
    const batches = readAll(input);
    const records = batches.flatMap((batch) => many(batch.count).map((i) => [batch.key(i)?.[0], batch.objects?.[i], batch.offset(i)] as const));
    expect(records.length).toBeLessThan(3000);
    const latest = new Map(records.map(([key, value]) => [key, value]));
    for (let key = 10; key < 20; key++) expect(latest.get(key)).toBe(4950 + key);
    for (let key = 30; key < 50; key++) expect(latest.get(key)).toBe(4950 + key);
    expect([...latest.values()]).not.toContain(TOMBSTONE);
    expect([...latest.keys()]).not.toContain(0);
    for (const [key, value, offset] of records) if (typeof value === 'number' && key !== undefined && (key < 20 || key >= 30)) expect(offset).toBe(value);
    expect(batches.at(-1)?.next).toBe((await transport.describeChannel('c'))?.ends.get(0));
    let last = 0;
    for (const batch of batches) {
      expect(batch.offset(0)).toBeGreaterThanOrEqual(last);
      expect(batch.next).toBe(batch.offset(batch.count - 1) + 1);
      last = batch.next;
    }
  });

  it('compacts only what every group has committed past', async () => {
    const { open, reader } = await bench('', { groups: ['g'], retention: { compact: true } });
    const session = await open();
    const [writer, input] = [await session.writer('c'), await reader(session)];
    for (let at = 0; at < 3000; at += 100) void writer.writeRecords(keyed(at, 100, 10));
    readAll(input);
    void session.commit(new Map([[input, new Map([[0, 1500]])]]));
    input.seek(0, 0);
    const seen = readAll(input).flatMap((batch) => batch.objects ?? []);
    expect(seen).toEqual([...many(10, 1490), ...many(1500, 1500)]);
  });

  it('compacts encoded values into bytes of their own', async () => {
    const { open, reader } = await bench('?wire', { retention: { compact: true } });
    const session = await open();
    const writer = await session.writer('c');
    for (let at = 0; at < 2200; at += 100) void writer.writeRecords({ ...encoded(...many(100, at).map((i) => `v${i};`)), keys: many(100, at).map((i) => new Uint8Array([i % 5])), timestamps: Float64Array.from(many(100, at)) });
    const input = await reader(session, 'replay');
    const [first, ...rest] = readAll(input);
    expect(texts(first)).toEqual(['v2195;', 'v2196;', 'v2197;', 'v2198;', 'v2199;']);
    expect(many(5).map((i) => [first?.key(i)?.[0], first?.timestamp(i), first?.offset(i)])).toEqual(many(5).map((i) => [i, 2195 + i, 2195 + i]));
    expect(rest.length).toBe(0);
  });

  it('keeps the last record whatever it is, so that positions reach the end', async () => {
    const { open, reader, transport } = await bench('?wire', { retention: { compact: true } });
    const session = await open();
    void (await session.writer('c')).writeRecords({ ...encoded(...many(3000).map(() => '')), bounds: new Uint32Array(6000).fill(0xffff_ffff), keys: many(3000).map((i) => new Uint8Array([i % 5])) });
    expect(readAll(await reader(session)).map(({ count, next }) => [count, next])).toEqual([[1, 3000]]);
    expect((await transport.describeChannel('c'))?.ends.get(0)).toBe(3000);
  });

  it('a compacted channel without a group never makes its writer wait', async () => {
    const { open } = await bench('?records=10', { retention: { compact: true } });
    const writer = await (await open()).writer('c');
    for (let i = 0; i < 100; i++) expect(writer.writeRecords(keyed(i, 1, 3))).toBeUndefined();
  });
});

describe('spaces', () => {
  it('are shared by everybody in the process, and empty once they are dropped', async () => {
    const { space, transport, open } = await bench();
    const session = await open();
    void session.commit(new Map(), new Map([['k', new Uint8Array([1])]]));
    await transport.close();
    const again = await memoryBackend.connect(`memory:${space}?records=7`);
    expect(again.identity).toBe(transport.identity);
    expect((await again.describeChannel('c'))?.partitions).toBe(1);
    const survivor = await again.open({ id: 'p.op#0', delivery: 'at-least-once', wake: () => undefined });
    expect([survivor.incarnation, survivor.state.size]).toEqual([2, 1]);
    expect([dropMemorySpace(space), dropMemorySpace(space)]).toEqual([true, false]);
    expect(survivor.failure).toEqual(code('MILLRACE_SESSION_CLOSED'));
    await expect(again.describeChannel('c')).rejects.toEqual(code('MILLRACE_SESSION_CLOSED'));
    const anew = await memoryBackend.connect(`memory:${space}`);
    expect(await anew.describeChannel('c')).toBeUndefined();
    expect((await anew.open({ id: 'p.op#0', delivery: 'at-least-once', wake: () => undefined })).incarnation).toBe(1);
  });

  it('end readers and waiting writers of a channel that is deleted, wake them, and fail a commit that needs it', async () => {
    let wakes = 0;
    const { transport, open, reader } = await bench('?records=10');
    const [source, sink, staging] = [await open('source'), await open('sink', 'at-least-once', { wake: () => wakes++ }), await open('staging', 'exactly-once')];
    const input = await reader(sink);
    await expect(staging.writer('c').then((writer) => writer.writeRecords(objects('staged')))).resolves.toBeUndefined();
    const room = fill(await source.writer('c'), () => objects(1));
    const batch = input.readRecords();
    const before = wakes;
    const failed = expect(room).rejects.toEqual(code('MILLRACE_CHANNEL_UNKNOWN'));
    await transport.deleteResources({ channels: ['c'] });
    await failed;
    expect(wakes).toBeGreaterThan(before);
    for (const use of [() => input.readRecords(), () => input.hasRecords(), () => sink.commit(new Map([[input, new Map([[0, batch?.next ?? 0]])]])), () => staging.commit(new Map())]) expect(use).toThrow(code('MILLRACE_CHANNEL_UNKNOWN'));
    expect(sink.commit(new Map(), new Map([['k', new Uint8Array(1)]]))).toEqual({ ends: new Map() });
  });

  it('throw an error of see on its own, as an uncaught exception', async () => {
    const { transport } = await bench();
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const caught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve));
      const control = transport.control('p');
      await control.follow('', () => {
        throw new Error('see is broken');
      });
      await control.put('key', new Uint8Array(1));
      expect((await caught).message).toBe('see is broken');
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  it('stop telling followers of a transport that is closed', async () => {
    const { transport, space } = await bench();
    const seen: string[] = [];
    await transport.control('p').follow('', (key) => seen.push(key));
    const other = await memoryBackend.connect(`memory:${space}`);
    await other.control('p').put('one', new Uint8Array(1));
    await transport.close();
    await other.control('p').put('two', new Uint8Array(1));
    expect(seen).toEqual(['one']);
    await expect(transport.control('p').put('three', new Uint8Array(1))).rejects.toEqual(code('MILLRACE_SESSION_CLOSED'));
  });
});

describe('a group whose records others let go', () => {
  it('goes on at the first record that is there, is woken, and does not spin', async () => {
    let wakes = 0;
    const { open, reader } = await bench();
    const [source, ahead, behind] = [await open('source'), await open('ahead'), await open('behind', 'at-least-once', { wake: () => wakes++ })];
    const [writer, one, two] = [await source.writer('c'), await reader(ahead), await reader(behind)];
    void writer.writeRecords(objects(1, 2, 3));
    commitAll(ahead, one);
    expect([two.hasRecords(), two.readRecords()]).toEqual([false, undefined]);
    expect(await two.getConsumerLag()).toEqual(new Map([[0, 0]]));
    const before = wakes;
    void writer.writeRecords(objects(4));
    expect(wakes).toBe(before + 1);
    expect(two.readRecords()?.objects).toEqual([4]);
  });

  it('goes on there in the middle of a stored batch too', async () => {
    const { open, reader } = await bench('', { groups: ['one', 'two'] });
    const [source, sink] = [await open('source'), await open('sink')];
    const [writer, one, two] = [await source.writer('c'), await reader(sink, 'one'), await reader(sink, 'two')];
    void writer.writeRecords(objects(...many(100)));
    for (const input of [one, two]) readAll(input);
    void sink.commit(new Map([[one, new Map([[0, 60]])], [two, new Map([[0, 10]])]]));
    one.seek(0, 20);
    void sink.commit(new Map([[two, new Map([[0, 50]])]]));
    expect(one.readRecords()?.offset(0)).toBe(50);
  });
});
