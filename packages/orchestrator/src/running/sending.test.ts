import { avro, input, InputPort, murmur2, Operator, operator, output, OutputPort, type MillraceError, type RecordOf } from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { collects, Num, nums, Place, range, sends, Sink, sorted, Source, turns, type Role } from './fixtures.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Where each record went: `partition:n`, in the order of reading. */
function places(into: string[]): Role<Sink> {
  return {
    onRunning({ in: input }) {
      for (const { value, partition } of input.retrieveEntries()) into.push(`${partition}:${value.n}`);
    },
  };
}

/** Sends in one step, then is done. */
function once(send: (source: Source) => unknown): Role<Source> {
  return {
    async onRunning(source) {
      await send(source);
      return true;
    },
  };
}

const partitionOf = (key: string, partitions: number): number => (murmur2(Buffer.from(key)) & 0x7fff_ffff) % partitions;
const ofPartition = (went: readonly string[], partition: number): number[] => went.filter((text) => text.startsWith(`${partition}:`)).map((text) => Number(text.slice(2)));

describe('a record with a key', () => {
  it('goes where murmur2 puts it, with all of its key, in order, over batches and replicas', async () => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(async ({ out }) => {
      for (let from = 0; from < 300; from += 30) await out.send(nums(from, from + 30), { key: ({ n }) => `key ${n % 7}` });
    }));
    place.add(Sink, 'sink', places(went), { replicas: 2, ports: { in: { partitions: 5 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(went.length).toBe(300);
    for (let key = 0; key < 7; key++) {
      const mine = ofPartition(went, partitionOf(`key ${key}`, 5)).filter((n) => n % 7 === key);
      expect(mine).toEqual(range(300).filter((n) => n % 7 === key));
    }
  });

  it('may have bytes for a key, which are those of the text', async () => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(async ({ out }) => {
      await out.send(nums(0, 8), { key: ({ n }) => `ключ ${n}` });
      await out.send(nums(0, 8), { key: ({ n }) => new TextEncoder().encode(`ключ ${n}`) });
    }));
    place.add(Sink, 'sink', places(went), { ports: { in: { partitions: 4 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect([...went].sort()).toEqual([...range(8), ...range(8)].map((n) => `${partitionOf(`ключ ${n}`, 4)}:${n}`).sort());
  });

  it('goes to each channel by that channel’s partitions', async () => {
    const wide: string[] = [];
    const narrow: string[] = [];
    const single: string[] = [];
    const source = place.add(Source, 'source', once(({ out }) => out.send(nums(0, 40), { key: ({ n }) => `${n}` })));
    place.add(Sink, 'wide', places(wide), { ports: { in: { partitions: 7 } } }).in.connect(source.out);
    place.add(Sink, 'narrow', places(narrow), { ports: { in: { partitions: 2 } } }).in.connect(source.out);
    place.add(Sink, 'single', places(single)).in.connect(source.out);
    await (await place.start()).completed;
    expect([...wide].sort()).toEqual(range(40).map((n) => `${partitionOf(`${n}`, 7)}:${n}`).sort());
    expect([...narrow].sort()).toEqual(range(40).map((n) => `${partitionOf(`${n}`, 2)}:${n}`).sort());
    expect(single).toEqual(range(40).map((n) => `0:${n}`));
  });
});

describe('a record without a key', () => {
  it('goes with its batch, and batches take turns over the partitions', async () => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(async ({ out }) => {
      for (let from = 0; from < 14; from += 2) await out.send(nums(from, from + 2));
    }));
    place.add(Sink, 'sink', places(went), { ports: { in: { partitions: 3 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(range(3).map((partition) => ofPartition(went, partition))).toEqual([[0, 1, 6, 7, 12, 13], [2, 3, 8, 9], [4, 5, 10, 11]]);
  });

  it('goes round one by one with round-robin, over batches', async () => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(async ({ out }) => {
      await out.send(nums(0, 4));
      await out.send(nums(4, 5));
      await out.send(nums(5, 11));
    }), { ports: { out: { partitioner: 'round-robin' } } });
    place.add(Sink, 'sink', places(went), { ports: { in: { partitions: 3 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(range(3).map((partition) => ofPartition(went, partition))).toEqual([[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]]);
  });

  it.each(['sticky', 'round-robin'] as const)('may stand among records with one, %s', async (partitioner) => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(async ({ out }) => {
      await out.send(nums(0, 12), { key: ({ n }) => (n % 2 === 0 ? `${n}` : null) });
      await out.send(nums(12, 18), { key: () => null });
    }), { ports: { out: { partitioner } } });
    place.add(Sink, 'sink', places(went), { ports: { in: { partitions: 3 } } }).in.connect(source.out);
    await (await place.start()).completed;
    const keyed = range(12).filter((n) => n % 2 === 0);
    expect(went.filter((text) => keyed.includes(Number(text.slice(2)))).sort()).toEqual(keyed.map((n) => `${partitionOf(`${n}`, 3)}:${n}`).sort());
    const keyless = partitioner === 'sticky' ? { first: [0, 0, 0, 0, 0, 0], second: [1, 1, 1, 1, 1, 1] } : { first: [0, 1, 2, 0, 1, 2], second: [0, 1, 2, 0, 1, 2] };
    const of = (n: number): number => Number(went.find((text) => text.endsWith(`:${n}`))?.[0]);
    expect([1, 3, 5, 7, 9, 11].map(of)).toEqual(keyless.first);
    expect([12, 13, 14, 15, 16, 17].map(of)).toEqual(keyless.second);
  });
});

describe('a partition that is named', () => {
  it('gets the whole batch, whatever the keys say', async () => {
    const went: string[] = [];
    const source = place.add(Source, 'source', once(({ out }) => out.send(nums(0, 20), { partition: 2, key: ({ n }) => `${n}` })));
    place.add(Sink, 'sink', places(went), { ports: { in: { partitions: 3 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(went).toEqual(range(20).map((n) => `2:${n}`));
  });

  it.each([-1, 2, 0.5, NaN])('must be there in every channel, or nothing is sent: %d', async (partition) => {
    const wide: number[] = [];
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await out.send(nums(0, 3), { partition }).catch((error: unknown) => {
          if ((error as MillraceError).code !== 'MILLRACE_OPTION_INVALID' || !/p\.source#0 sent from out to partition .* of p\.(wide|narrow)\.in, which has the partitions 0 to [12]$/.test((error as Error).message)) throw error;
        });
        return true;
      },
    });
    place.add(Sink, 'wide', collects(wide), { ports: { in: { partitions: 3 } } }).in.connect(source.out);
    place.add(Sink, 'narrow', collects([]), { ports: { in: { partitions: 2 } } }).in.connect(source.out);
    await (await place.start()).completed;
    expect(wide).toEqual([]);
  });
});

describe('a send that is not awaited', () => {
  it('is waited for at the end of the step', async () => {
    place = new Place('records=2');
    const got: number[] = [];
    let steps = 0;
    const seen: number[] = [];
    const source = place.add(Source, 'source', {
      onRunning({ out }) {
        seen.push(got.length);
        for (let i = 0; i < 5; i++) void out.send(nums(5 * steps + i, 5 * steps + i + 1));
        return ++steps === 4;
      },
    });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual(range(20));
    // A step begins when there is room again after what the one before has sent.
    for (const [step, count] of seen.entries()) expect(count).toBeGreaterThan(5 * step - 5);
  });

  it('fails the step with its error', async () => {
    const source = place.add(Source, 'source', { onRunning: ({ out }) => (void out.send([{ n: 0.5 }]), true) });
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    await expect((await place.start()).completed).rejects.toMatchObject({ code: 'MILLRACE_VALUE_INVALID' });
  });

  it.each([
    ['awaited', (sent: Promise<void>) => sent.catch(() => undefined)],
    ['awaited late', async (sent: Promise<void>) => (await turns(), await sent.catch(() => undefined))],
    ['awaited with others', (sent: Promise<void>) => Promise.allSettled([sent])],
  ] as const)('does not where it is %s and its error caught', async (_, take) => {
    const got: number[] = [];
    const source = place.add(Source, 'source', {
      async onRunning({ out }) {
        await take(out.send([{ n: 0.5 }]));
        await out.send([{ n: 1 }]);
        return true;
      },
    });
    place.add(Sink, 'sink', collects(got)).in.connect(source.out);
    await (await place.start()).completed;
    expect(got).toEqual([1]);
  });

  it('to a reader that is done keeps nobody waiting', async () => {
    place = new Place('records=2');
    const source = place.add(Source, 'source', sends(50));
    place.add(Sink, 'done', { onRunning: ({ in: input }) => input.retrieve().length > 0 }).in.connect(source.out);
    const got: number[] = [];
    place.add(Sink, 'all', collects(got)).in.connect(source.out);
    const run = await place.start();
    expect((await run.completed).outcome).toBe('done');
    expect(got).toEqual(range(50));
    expect((await run.metrics()).replicas.find(({ operator }) => operator === 'source')?.ports[0]?.dropped).toBeGreaterThan(0);
  });
});

describe('large values', () => {
  const Blob = avro(z.object({ text: z.string() }).meta({ id: 'Blob' }));
  class Lengths {
    readonly all: number[] = [];
  }
  @operator(import.meta)
  class Writes extends Operator {
    @output(Blob) declare readonly blobs: OutputPort<RecordOf<typeof Blob>>;
    override async onRunning() {
      await this.blobs.send([1, 70_000, 3, 300_000, 17_000_000].map((length) => ({ text: 'x'.repeat(length) })));
      await this.blobs.send([{ text: 'xx' }]);
      return true;
    }
  }
  @operator(import.meta)
  class Reads extends Operator {
    @input(Blob) declare readonly blobs: InputPort<RecordOf<typeof Blob>>;
    constructor(@inject(Lengths) private readonly lengths: Lengths) {
      super();
    }
    override onRunning() {
      for (const { text } of this.blobs.retrieve()) this.lengths.all.push(/^x*$/.test(text) ? text.length : -1);
    }
  }

  it('are encoded whole, beside small ones', async () => {
    place = new Place('wire&bytes=100000000');
    const lengths = new Lengths();
    const writer = place.pipeline.add(Writes, {}, { name: 'writer', maxStepBytes: 100_000_000 });
    place.pipeline.add(Reads, {}, { name: 'reader' }).blobs.connect(writer.blobs);
    await (await place.start({ services: new ContainerModule(({ bind }) => void bind(Lengths).toConstantValue(lengths)) })).completed;
    expect(lengths.all).toEqual([1, 70_000, 3, 300_000, 17_000_000, 2]);
  });
});

describe('an output', () => {
  it('that nobody reads takes what it gets', async () => {
    place.add(Source, 'source', sends(10));
    expect((await (await place.start()).completed).outcome).toBe('done');
  });

  it('that several inputs read gives each of them all', async () => {
    const got = [[], [], []] as number[][];
    const source = place.add(Source, 'source', sends(100, 9));
    for (const [i, into] of got.entries()) place.add(Sink, `sink${i}`, collects(into), { replicas: i + 1 }).in.connect(source.out);
    await (await place.start()).completed;
    expect(got.map(sorted)).toEqual([range(100), range(100), range(100)]);
  });

  it('takes nothing from an empty batch', async () => {
    const source = place.add(Source, 'source', once(({ out }) => out.send([])));
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    const run = await place.start();
    await run.completed;
    expect((await run.metrics()).replicas.find(({ operator }) => operator === 'source')?.ports[0]).toMatchObject({ records: 0, batches: 0 });
  });

  it('counts records, batches and, encoded, bytes at both ends', async () => {
    place = new Place('wire');
    const source = place.add(Source, 'source', sends(60, 6));
    place.add(Sink, 'sink', collects([])).in.connect(source.out);
    const run = await place.start();
    await run.completed;
    const ports = (await run.metrics()).replicas.map(({ ports }) => ports[0]);
    // A number below 64 is one byte.
    expect(ports.find((port) => port?.port === 'out')).toMatchObject({ records: 60, batches: 10, bytes: 60 });
    expect(ports.find((port) => port?.port === 'in')).toMatchObject({ records: 60, bytes: 60 });
    expect(Num.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  });
});
