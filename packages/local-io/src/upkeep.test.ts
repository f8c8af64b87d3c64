import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelReader, ChannelSpec, OutgoingBatch, Session, Transport } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localBackend } from './index.js';
import { LocalStore } from './store.js';

let folder: string;
let transport: Transport;
let store: LocalStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-upkeep-'));
  transport = await localBackend.connect(`local:${folder}`);
  store = await LocalStore.acquire(folder, { sync: 'full' });
});

afterEach(async () => {
  await LocalStore.release(folder);
  await transport.close();
  await rm(folder, { recursive: true });
});

async function channel(spec: Partial<ChannelSpec>): Promise<{ session: Session; write: (batch: OutgoingBatch) => Promise<void>; reader: (group: string) => Promise<ChannelReader> }> {
  await transport.createResources([{ name: 'c', partitions: 1, ...spec }]);
  const session = await transport.open({ id: 'p.op#0', delivery: 'exactly-once', wake: () => undefined });
  const writer = await session.writer('c');
  return {
    session,
    async write(batch) {
      void writer.writeRecords(batch);
      await session.commit(new Map());
    },
    async reader(group) {
      const reader = await session.reader('c', { group, partitions: [0], start: 'earliest' });
      await reader.loadInputRecordOffset();
      return reader;
    },
  };
}

function batchOf(count: number, { keys, value = 100, timestamp = 1, tombstones = false }: { keys?: readonly string[]; value?: number; timestamp?: number; tombstones?: boolean } = {}): OutgoingBatch {
  return {
    partition: 0,
    count,
    bytes: new Uint8Array(tombstones ? 0 : count * value),
    bounds: Uint32Array.from({ length: 2 * count }, (_, i) => (tombstones ? 0xffff_ffff : value * ((i >> 1) + (i & 1)))),
    schema: '0123456789abcdef',
    timestamp,
    keys: keys?.map((key) => Buffer.from(key)),
  };
}

/** Commits a reader batch by batch up to the end, or up to an offset. */
async function consume(session: Session, reader: ChannelReader, to = Infinity): Promise<void> {
  for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) {
    await session.commit(new Map([[reader, new Map([[0, Math.min(batch.next, to)]])]]));
    if (batch.next >= to) return;
  }
}

const stored = (): number => {
  store.refresh();
  return store.db.log.getCount({ start: [16], end: [Infinity] });
};

const startOf = async (): Promise<number | undefined> => (await transport.describeChannel('c'))?.starts.get(0);

describe('consumed records', () => {
  it('go, so that the file grows no further, and the space is used again', async () => {
    const { session, write, reader } = await channel({ groups: ['g'] });
    const consumer = await reader('g');
    const sizes: number[] = [];
    for (let round = 0; round < 300; round++) {
      await write(batchOf(500));
      await consume(session, consumer);
      sizes.push((await stat(store.db.file)).size);
    }
    expect(stored()).toBeLessThanOrEqual(8);
    expect(sizes.at(-1)).toBe(sizes[100]);
  });

  it('stay as long as one group has not committed past them', async () => {
    const { session, write, reader } = await channel({ groups: ['fast', 'slow'] });
    for (let i = 0; i < 40; i++) await write(batchOf(100));
    await consume(session, await reader('fast'));
    expect([await startOf(), stored()]).toEqual([0, 40]);
    await consume(session, await reader('slow'), 2150);
    expect(await startOf()).toBeLessThanOrEqual(2150);
    expect(stored()).toBeLessThanOrEqual(40 - 16);
    const again = await reader('slow');
    expect(again.readRecords()?.offset(0)).toBe(2150);
  });

  it('stay where a group was placed and has committed nothing', async () => {
    const { session, write, reader } = await channel({ groups: ['g'] });
    await reader('late');
    for (let i = 0; i < 40; i++) await write(batchOf(100));
    await consume(session, await reader('g'));
    expect((await reader('late')).readRecords()?.offset(0)).toBe(0);
  });
});

describe('retention', () => {
  it('by bytes keeps so many of what was written last', async () => {
    const { session, write, reader } = await channel({ groups: ['g'], retention: { bytes: 200_000 } });
    const consumer = await reader('g');
    for (let i = 0; i < 100; i++) {
      await write(batchOf(100));
      await consume(session, consumer);
    }
    // A batch takes 100 × 100 bytes, 800 of bounds and a head of 64.
    expect(stored()).toBeGreaterThanOrEqual(Math.floor(200_000 / 10_864));
    expect(stored()).toBeLessThanOrEqual(Math.ceil(200_000 / 10_864) + 8);
  });

  it('by age keeps what is young enough', async () => {
    const { session, write, reader } = await channel({ groups: ['g'], retention: { ms: 60_000 } });
    const consumer = await reader('g');
    const now = Date.now();
    for (let i = 0; i < 100; i++) {
      await write(batchOf(100, { timestamp: now - (i < 50 ? 120_000 : 1_000) }));
      await consume(session, consumer);
    }
    expect(stored()).toBeGreaterThanOrEqual(50);
    expect(stored()).toBeLessThanOrEqual(50 + 8);
    expect((await reader('later')).readRecords()?.timestamp(0)).toBeGreaterThan(now - 120_001);
  });

  it('by count keeps the last records, for whoever comes later', async () => {
    const { session, write, reader } = await channel({ groups: ['g'], retention: { records: 1000 } });
    const consumer = await reader('g');
    for (let i = 0; i < 100; i++) {
      await write(batchOf(100));
      await consume(session, consumer);
    }
    const start = (await startOf()) ?? 0;
    expect(start).toBeGreaterThanOrEqual(8000);
    expect(start).toBeLessThanOrEqual(9000);
    expect((await reader('later')).readRecords()?.offset(0)).toBe(start);
  });
});

describe('compaction', () => {
  const names = Array.from({ length: 50 }, (_, i) => `key ${i}`);

  /** Every record that is there: offset by key. Fails where a reader's position does not get to the end. */
  async function read(reader: ChannelReader): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    let next = 0;
    for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) {
      for (let i = 0; i < batch.count; i++) found.set(Buffer.from(batch.key(i) ?? []).toString(), batch.offset(i));
      next = batch.next;
    }
    expect(next).toBe((await reader.endOffsets()).get(0));
    return found;
  }

  it('leaves the latest record of each key at its offset, and drops keys with their tombstones', async () => {
    const { write, reader } = await channel({ retention: { compact: true } });
    for (let round = 0; round < 60; round++) await write(batchOf(50, { keys: names }));
    await write(batchOf(10, { keys: names.slice(0, 10), tombstones: true }));
    for (let round = 0; round < 60; round++) await write(batchOf(40, { keys: names.slice(10) }));
    await vi.waitFor(() => expect(stored()).toBeLessThan(40));
    const found = await read(await reader('later'));
    expect([...found.keys()].sort()).toEqual(names.slice(10).sort());
    const end = 60 * 50 + 10 + 60 * 40;
    for (const [key, offset] of found) expect(offset).toBe(end - 40 + names.indexOf(key) - 10);
  });

  it('does not touch what a group has still to read', async () => {
    const { session, write, reader } = await channel({ groups: ['g'], retention: { compact: true } });
    for (let round = 0; round < 60; round++) await write(batchOf(50, { keys: names }));
    const consumer = await reader('g');
    expect(stored()).toBe(60);
    await consume(session, consumer, 2000);
    await vi.waitFor(() => expect(stored()).toBeLessThan(60));
    const again = await reader('g');
    const offsets: number[] = [];
    for (let batch = again.readRecords(); batch !== undefined; batch = again.readRecords()) for (let i = 0; i < batch.count; i++) offsets.push(batch.offset(i));
    expect(offsets).toEqual(Array.from({ length: 1000 }, (_, i) => 2000 + i));
  });
});

it('what is left of a deleted channel goes bit by bit, also after the process that deleted it has ended', async () => {
  const { write } = await channel({});
  for (let i = 0; i < 600; i++) await write(batchOf(1));
  await transport.deleteResources({ channels: ['c'] });
  await transport.createResources([{ name: 'c', partitions: 1 }]);
  expect((await transport.describeChannel('c'))?.ends.get(0)).toBe(0);
  await LocalStore.release(folder);
  await transport.close();
  transport = await localBackend.connect(`local:${folder}`);
  store = await LocalStore.acquire(folder, { sync: 'full' });
  await vi.waitFor(() => expect(stored()).toBe(0));
});
