import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { PartitionState, StateMetadata } from '../operator/index.js';
import { DONE_KEY, StateStore, type StateStoreOptions } from './state-store.js';

const date = z.codec(z.iso.datetime(), z.date(), { decode: (text) => new Date(text), encode: (value) => value.toISOString() });
const Counter = z.object({ n: z.int().default(0) });
const Seen = z.object({ at: date.nullable().default(null), names: z.array(z.string()).default([]) });

interface Instance {
  counter: { n: number };
  seen: { at: Date | null; names: string[] };
  sums: PartitionState<{ n: number }>;
}

function open(given: Partial<StateStoreOptions> & { readonly values?: Readonly<Record<string, unknown>> } = {}, states: readonly StateMetadata[] = [{ name: 'counter', schema: Counter, per: 'replica' }, { name: 'seen', schema: Seen, per: 'replica' }, { name: 'sums', schema: Counter, per: 'partition' }]) {
  const stored = new Map(Object.entries(given.values ?? {}).map(([key, value]) => [key, Buffer.from(JSON.stringify(value))]));
  const store = new StateStore({ replica: 'p.op#0', states, stored, partitions: () => [1, 3], limit: Infinity, ...given });
  const instance = {} as Instance;
  store.restore(instance);
  return { store, instance };
}

/** What a commit would write. */
function changes(store: StateStore, done = false): Record<string, unknown> | undefined {
  const changed = store.changes(done);
  return changed && Object.fromEntries([...changed].map(([key, value]): [string, unknown] => [key, value && JSON.parse(Buffer.from(value).toString())]));
}

describe('state', () => {
  it('begins with its defaults, which are not written', () => {
    const { store, instance } = open();
    expect(instance.counter).toEqual({ n: 0 });
    expect(instance.seen).toEqual({ at: null, names: [] });
    expect(instance.sums.get(1)).toEqual({ n: 0 });
    expect(changes(store)).toBeUndefined();
  });

  it('is restored', () => {
    const { store, instance } = open({ values: { 'state/counter': { n: 7 }, 'state/seen': { at: '2026-01-02T03:04:05.000Z', names: ['a'] }, 'state/sums/3': { n: 9 } } });
    expect(instance.counter).toEqual({ n: 7 });
    expect(instance.seen.at).toEqual(new Date('2026-01-02T03:04:05Z'));
    expect([instance.sums.get(1), instance.sums.get(3)]).toEqual([{ n: 0 }, { n: 9 }]);
    expect(changes(store)).toBeUndefined();
  });

  it('is written where it changed, in place or replaced, and only that', () => {
    const { store, instance } = open();
    instance.counter.n = 1;
    instance.sums.get(3).n = 5;
    instance.sums.set(1, { n: 6 });
    expect(changes(store)).toEqual({ 'state/counter': { n: 1 }, 'state/sums/3': { n: 5 }, 'state/sums/1': { n: 6 } });
    store.committed();
    expect(changes(store)).toBeUndefined();
    instance.seen = { at: new Date(0), names: ['b'] };
    expect(changes(store)).toEqual({ 'state/seen': { at: '1970-01-01T00:00:00.000Z', names: ['b'] } });
    store.committed();
    instance.seen.names.push('c');
    expect(changes(store)).toEqual({ 'state/seen': { at: '1970-01-01T00:00:00.000Z', names: ['b', 'c'] } });
  });

  it('is written again as long as no commit took it', () => {
    const { store, instance } = open();
    instance.counter.n = 1;
    expect(changes(store)).toEqual({ 'state/counter': { n: 1 } });
    expect(changes(store)).toEqual({ 'state/counter': { n: 1 } });
  });

  it('that goes back to what it was is not written', () => {
    const { store, instance } = open();
    instance.counter.n = 1;
    instance.counter.n = 0;
    expect(changes(store)).toBeUndefined();
  });

  it('is written as z.encode would write it, whatever its schema changes', () => {
    const upper = z.codec(z.string(), z.string(), { decode: (text) => text.toUpperCase(), encode: (text) => text.toLowerCase() });
    // A codec deep inside; a check that changes the value; a member that the schema does not know.
    const states = [
      { name: 'nested', schema: z.object({ list: z.array(z.record(z.string(), upper)).default([]) }), per: 'replica' },
      { name: 'trimmed', schema: z.string().trim().default(''), per: 'replica' },
      { name: 'stripped', schema: Counter, per: 'replica' },
    ] as const;
    const { store, instance } = open({}, states);
    Object.assign(instance, { nested: { list: [{ a: 'ABC' }] }, trimmed: ' x ', stripped: { n: 1, more: true } });
    expect(changes(store)).toEqual({ 'state/nested': { list: [{ a: 'abc' }] }, 'state/trimmed': 'x', 'state/stripped': { n: 1 } });
  });

  it('may be a single value with a default of its own', () => {
    const { store, instance } = open({}, [{ name: 'counter', schema: z.int().default(3), per: 'replica' }]);
    const plain = instance as unknown as { counter: number };
    expect(plain.counter).toBe(3);
    plain.counter++;
    expect(changes(store)).toEqual({ 'state/counter': 4 });
  });

  it('gets the defaults of members that a later version added', () => {
    const { instance } = open({ values: { 'state/seen': { at: null } } });
    expect(instance.seen).toEqual({ at: null, names: [] });
  });

  it('per partition belongs to the partitions that the replica reads', () => {
    const { instance } = open();
    expect(instance.sums.partitions).toEqual([1, 3]);
    expect(() => instance.sums.get(2)).toThrow(/MILLRACE_STATE_INVALID: p\.op#0 asks for sums of partition 2, but it reads 1, 3/);
    expect(() => instance.sums.set(0, { n: 1 })).toThrow('MILLRACE_STATE_INVALID');
  });

  it('of a partition that joins later begins at its default', () => {
    const partitions = [1, 3];
    const { store, instance } = open({ partitions: () => partitions, values: { 'state/sums/5': { n: 2 } } });
    partitions.push(5, 7);
    expect(instance.sums.partitions).toEqual([1, 3, 5, 7]);
    for (const partition of [5, 7]) instance.sums.get(partition).n++;
    expect(changes(store)).toEqual({ 'state/sums/5': { n: 3 }, 'state/sums/7': { n: 1 } });
  });

  it('says in its last commit that the replica is done, once', () => {
    const { store } = open();
    expect(store.done).toBe(false);
    expect(changes(store, true)).toEqual({ [DONE_KEY]: { v: 1, done: true } });
    const again = open({ values: { [DONE_KEY]: { v: 1, done: true } } });
    expect(again.store.done).toBe(true);
    expect(changes(again.store, true)).toBeUndefined();
  });
});

describe('state that cannot be kept', () => {
  it('is named: without a default', () => {
    expect(() => open({}, [{ name: 'counter', schema: z.object({ n: z.int() }), per: 'replica' }])).toThrow(/MILLRACE_STATE_INVALID: the value of p\.op#0 in state\/counter has no default/);
  });

  it('is named: it breaks its schema', () => {
    const { store, instance } = open();
    instance.counter.n = 0.5;
    expect(() => store.changes(false)).toThrow(/MILLRACE_STATE_INVALID: the value of p\.op#0 in state\/counter breaks its schema/);
  });

  it('is named: a member is missing, though a new one would have a default', () => {
    const { store, instance } = open();
    Object.assign(instance.counter, { n: undefined });
    expect(() => store.changes(false)).toThrow(/MILLRACE_STATE_INVALID.*p.op#0.*state\/counter/);
  });

  it('is named: it was removed', () => {
    const { store, instance } = open();
    instance.counter = undefined as unknown as { n: number };
    expect(() => store.changes(false)).toThrow(/MILLRACE_STATE_INVALID.*state\/counter/);
  });

  it('is named: what is stored is of another schema', () => {
    expect(() => open({ values: { 'state/counter': { n: 'seven' } } })).toThrow(/MILLRACE_STATE_INVALID: the value of p\.op#0 in state\/counter was stored with a schema that does not fit/);
  });

  it('is named: what is stored is no JSON', () => {
    expect(() => open({ stored: new Map([['state/counter', Buffer.from('{')]]) })).toThrow(/MILLRACE_STATE_INVALID.*state\/counter was stored with a schema that does not fit/);
  });

  it('is named: it is larger than the backend takes, in bytes', () => {
    const { store, instance } = open({ limit: 60 });
    instance.seen.names.push('ä'.repeat(10));
    expect(changes(store)).toBeDefined();
    instance.seen.names.push('ä'.repeat(10));
    expect(() => store.changes(false)).toThrow(/MILLRACE_STATE_TOO_LARGE: p\.op#0 holds 67 bytes in state\/seen; the backend takes 60/);
  });
});
