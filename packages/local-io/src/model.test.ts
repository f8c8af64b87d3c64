import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelReader, OutgoingBatch, Session } from '@millrace/core';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { localBackend } from './index.js';

/** What a channel is, in the plainest words: an array, and a few numbers per group. */
interface Model {
  readonly values: { readonly value: number; readonly key: number | undefined; readonly timestamp: number }[];
  readonly groups: Map<string, { committed: number; at: number }>;
}

type Step =
  | { readonly do: 'write'; readonly size: number; readonly keyed: boolean; readonly stamp: number; readonly publish: boolean }
  /** `part`: how far a seek, or a commit of what is held back, goes between where it may and where the reader stands. */
  | { readonly do: 'read' | 'commit' | 'hold' | 'seek' | 'reopen'; readonly group: string; readonly part: number };

const GROUPS = ['one', 'two'];
const group = fc.constantFrom(...GROUPS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), size: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 50, max: 150 })), keyed: fc.boolean(), stamp: fc.integer({ min: 0, max: 2 }), publish: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'read' as const, 'commit' as const, 'commit' as const, 'hold' as const, 'seek' as const, 'reopen' as const), group, part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);

const schema = '0123456789abcdef';
let folder: string;
let channels = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-model-'));
});
afterAll(() => rm(folder, { recursive: true }));

function batchOf(values: Model['values']): OutgoingBatch {
  const keys = values.some(({ key }) => key !== undefined) ? values.map(({ key }) => (key === undefined ? undefined : new Uint8Array([key]))) : undefined;
  return {
    partition: 0,
    count: values.length,
    bytes: new Uint8Array(new Float64Array(values.map(({ value }) => value)).buffer),
    bounds: Uint32Array.from(values.flatMap((_, i) => [8 * i, 8 * i + 8])),
    schema,
    timestamp: values[0]?.timestamp ?? 0,
    keys,
  };
}

async function run(steps: readonly Step[]): Promise<void> {
  const name = `c${++channels}`;
  const transport = await localBackend.connect(`local:${folder}?sync=none`);
  await transport.createResources([{ name, partitions: 1, groups: GROUPS }]);
  const open = (id: string): Promise<Session> => transport.open({ id, delivery: 'exactly-once', wake: () => undefined });
  const model: Model = { values: [], groups: new Map(GROUPS.map((each) => [each, { committed: 0, at: 0 }])) };
  let staged: Model['values'] = [];
  const source = await open('source');
  const writer = await source.writer(name);
  const readers = new Map<string, { readonly session: Session; readonly reader: ChannelReader }>();
  const join = async (each: string): Promise<void> => {
    const session = await open(each);
    const reader = await session.reader(name, { group: each, partitions: [0], start: 'earliest' });
    expect(await reader.loadInputRecordOffset()).toEqual(new Map([[0, model.groups.get(each)?.committed]]));
    readers.set(each, { session, reader });
  };
  for (const each of GROUPS) await join(each);
  const startOf = async (): Promise<number> => (await transport.describeChannel(name))?.starts.get(0) ?? -1;
  for (const each of steps) {
    if (each.do === 'write') {
      const from = model.values.length + staged.length;
      const values = Array.from({ length: each.size }, (_, i) => ({ value: from + i, key: each.keyed ? (from + i) % 7 : undefined, timestamp: each.stamp }));
      expect(writer.writeRecords(batchOf(values))).toBeUndefined();
      staged.push(...values);
      if (!each.publish) continue;
      const { ends } = await source.commit(new Map());
      model.values.push(...staged);
      staged = [];
      expect(ends.get(writer)).toEqual(new Map([[0, model.values.length]]));
      continue;
    }
    const [place, ends] = [model.groups.get(each.group), readers.get(each.group)];
    if (place === undefined || ends === undefined) throw new Error('every group has a reader');
    const { session, reader } = ends;
    expect(reader.hasRecords()).toBe(Math.max(place.at, await startOf()) < model.values.length);
    if (each.do === 'read') {
      const batch = reader.readRecords();
      expect(batch === undefined).toBe(Math.max(place.at, await startOf()) >= model.values.length);
      if (batch === undefined) continue;
      const from = batch.offset(0);
      // What every group has committed past may be gone.
      expect(from).toBe(Math.max(place.at, Math.min(from, await startOf())));
      const expected = model.values.slice(from, batch.next);
      const numbers = Array.from({ length: batch.count }, (_, i) => new Float64Array(batch.bytes.slice(batch.bounds[2 * i], batch.bounds[2 * i + 1]).buffer)[0]);
      expect([batch.count, batch.next - batch.count]).toEqual([expected.length, from]);
      expect(Array.from({ length: batch.count }, (_, i) => ({ value: numbers[i], key: batch.key(i)?.[0], timestamp: batch.timestamp(i), offset: batch.offset(i) }))).toEqual(expected.map((record, i) => ({ ...record, offset: from + i })));
      place.at = batch.next;
    } else if (each.do === 'commit' || each.do === 'hold') {
      const from = Math.min(place.committed, place.at);
      place.committed = each.do === 'commit' ? place.at : from + Math.floor(each.part * (place.at - from));
      await session.commit(new Map([[reader, new Map([[0, place.committed]])]]));
    } else if (each.do === 'seek') {
      const start = await startOf();
      place.at = start + Math.floor(each.part * (Math.max(place.at, start) - start));
      reader.seek(0, place.at);
    } else {
      place.committed = Math.max(place.committed, await startOf());
      place.at = place.committed;
      await join(each.group);
    }
    const description = await transport.describeChannel(name);
    expect(description?.ends.get(0)).toBe(model.values.length);
    expect(description?.starts.get(0)).toBeLessThanOrEqual(Math.max(...Array.from(model.groups.values(), ({ committed, at }) => Math.max(committed, at))));
  }
  await transport.deleteResources({ channels: [name], owners: ['source', ...GROUPS] });
  await transport.close();
}

it('a local channel behaves like an array with positions', { timeout: 60_000 }, async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80 }), run), { numRuns: 150 });
});
