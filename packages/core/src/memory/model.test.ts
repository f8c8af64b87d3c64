import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChannelReader, OutgoingBatch, Session } from '../channel/spi.js';
import { dropMemorySpace, memoryBackend } from './index.js';

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
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'read' as const, 'commit' as const, 'hold' as const, 'seek' as const, 'reopen' as const), group, part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);

const schema = '0'.repeat(16);
let spaces = 0;

function batchOf(wire: boolean, values: Model['values']): OutgoingBatch {
  const keys = values.some(({ key }) => key !== undefined) ? values.map(({ key }) => (key === undefined ? undefined : new Uint8Array([key]))) : undefined;
  const common = { partition: 0, count: values.length, schema, timestamp: values[0]?.timestamp ?? 0, keys };
  if (!wire) return { ...common, objects: values.map(({ value }) => value), bytes: new Uint8Array(0), bounds: new Uint32Array(0) };
  return { ...common, bytes: new Uint8Array(new Float64Array(values.map(({ value }) => value)).buffer), bounds: Uint32Array.from(values.flatMap((_, i) => [8 * i, 8 * i + 8])) };
}

async function run(wire: boolean, exactlyOnce: boolean, steps: readonly Step[]): Promise<void> {
  const space = `model-${++spaces}`;
  const transport = await memoryBackend.connect(`memory:${space}${wire ? '?wire' : '?records=1000000'}`);
  await transport.createResources([{ name: 'c', partitions: 1, groups: GROUPS }]);
  const owner = (id: string) => ({ id, delivery: exactlyOnce ? ('exactly-once' as const) : ('at-least-once' as const), wake: () => undefined });
  const source = await transport.open(owner('source'));
  const model: Model = { values: [], groups: new Map(GROUPS.map((name) => [name, { committed: 0, at: 0 }])) };
  let staged: Model['values'] = [];
  const writer = await source.writer('c');
  const readers = new Map<string, { session: Session; reader: ChannelReader }>();
  const open = async (name: string): Promise<void> => {
    const session = await transport.open(owner(name));
    const reader = await session.reader('c', { group: name, partitions: [0], start: 'earliest' });
    expect(await reader.loadInputRecordOffset()).toEqual(new Map([[0, model.groups.get(name)?.committed]]));
    readers.set(name, { session, reader });
  };
  for (const name of GROUPS) await open(name);
  const publish = (): void => {
    model.values.push(...staged);
    staged = [];
  };
  for (const each of steps) {
    if (each.do === 'write') {
      const from = model.values.length + staged.length;
      const values = Array.from({ length: each.size }, (_, i) => ({ value: from + i, key: each.keyed ? (from + i) % 7 : undefined, timestamp: each.stamp }));
      expect(writer.writeRecords(batchOf(wire, values))).toBeUndefined();
      staged.push(...values);
      if (!exactlyOnce) publish();
      if (each.publish) {
        const { ends } = await source.commit(new Map());
        publish();
        expect(ends.get(writer)).toEqual(new Map([[0, model.values.length]]));
      }
      continue;
    }
    const [place, ends] = [model.groups.get(each.group), readers.get(each.group)];
    if (place === undefined || ends === undefined) throw new Error('every group has a reader');
    const { session, reader } = ends;
    const start = Math.min(...Array.from(model.groups.values(), ({ committed }) => committed));
    expect(reader.hasRecords()).toBe(Math.max(place.at, start) < model.values.length);
    if (each.do === 'read') {
      const batch = reader.readRecords();
      const from = Math.max(place.at, start);
      expect(batch === undefined).toBe(from >= model.values.length);
      if (batch === undefined) continue;
      const expected = model.values.slice(from, batch.next);
      const numbers = batch.objects ?? Array.from({ length: batch.count }, (_, i) => new Float64Array(batch.bytes.slice(batch.bounds[2 * i], batch.bounds[2 * i + 1]).buffer)[0]);
      expect([batch.count, batch.next - batch.count]).toEqual([expected.length, from]);
      expect(Array.from({ length: batch.count }, (_, i) => ({ value: numbers[i], key: batch.key(i)?.[0], timestamp: batch.timestamp(i), offset: batch.offset(i) }))).toEqual(expected.map((record, i) => ({ ...record, offset: from + i })));
      place.at = batch.next;
    } else if (each.do === 'commit' || each.do === 'hold') {
      const from = Math.min(place.committed, place.at);
      place.committed = each.do === 'commit' ? place.at : from + Math.floor(each.part * (place.at - from));
      await session.commit(new Map([[reader, new Map([[0, place.committed]])]]));
    } else if (each.do === 'seek') {
      place.at = start + Math.floor(each.part * (Math.max(place.at, start) - start));
      reader.seek(0, place.at);
    } else {
      place.at = place.committed;
      await open(each.group);
    }
    const description = await transport.describeChannel('c');
    expect(description?.ends.get(0)).toBe(model.values.length);
    expect(description?.starts.get(0)).toBe(Math.min(...Array.from(model.groups.values(), ({ committed }) => committed)));
    expect(description?.groups).toEqual(new Map(Array.from(model.groups, ([name, { committed }]) => [name, new Map([[0, committed]])])));
  }
  dropMemorySpace(space);
}

describe('a memory channel behaves like an array with positions', () => {
  it.each([
    ['by reference, at-least-once', false, false],
    ['by reference, exactly-once', false, true],
    ['encoded, at-least-once', true, false],
    ['encoded, exactly-once', true, true],
  ])('%s', async (_, wire, exactlyOnce) => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 80 }), (steps) => run(wire, exactlyOnce, steps)), { numRuns: 150 });
  });
});
