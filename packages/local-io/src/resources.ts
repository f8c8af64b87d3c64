import { MillraceError, type ChannelDescription, type ChannelSpec } from '@millrace/core';
import { FIRST_CHANNEL_ID } from './doorbell.js';
import { fact, keys, type ChannelFact } from './layout.js';
import type { LocalStore } from './store.js';
import { writeWhere } from './write-queue.js';

/** Entries that one transaction removes at most: more would hold up everybody else who writes. */
const REMOVALS = 500;

export function unknownChannel(name: string): MillraceError {
  return new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `there is no channel ${name} at this location`, { channel: name });
}

export function describe(store: LocalStore, name: string): ChannelDescription | undefined {
  store.refresh();
  const { layout } = store;
  const channel = layout.channel(name);
  if (channel === undefined) return undefined;
  const starts = new Map<number, number>();
  const ends = new Map<number, number>();
  const groups = new Map<string, Map<number, number>>();
  for (let partition = 0; partition < channel.partitions; partition++) {
    starts.set(partition, layout.start(channel.id, partition)?.value.start ?? 0);
    ends.set(partition, layout.end(channel.id, partition)?.end ?? 0);
    for (const [group, { at, committed }] of layout.positions(channel.id, partition)) {
      let offsets = groups.get(group);
      if (offsets === undefined) groups.set(group, (offsets = new Map<number, number>()));
      if (committed) offsets.set(partition, at);
    }
  }
  return { name, partitions: channel.partitions, starts, ends, groups };
}

/** @throws MillraceError `MILLRACE_CHANNEL_MISMATCH`, and then none is made */
export async function createChannels(store: LocalStore, specs: readonly ChannelSpec[]): Promise<void> {
  const { layout, db } = store;
  const topics = new Set<number>();
  const make = (spec: ChannelSpec, id: number): void => {
    const { name, partitions, retention } = spec;
    void db.meta.put(keys.lastId(), fact({}), id);
    void db.meta.put(keys.channel(name), fact({ id, partitions, ...(retention === undefined ? {} : { retention }) } satisfies ChannelFact), id);
    for (let partition = 0; partition < partitions; partition++) {
      void db.meta.put(keys.end(id, partition), fact({ end: 0, bytes: 0 }), 0);
      void db.meta.put(keys.start(id, partition), fact({ start: 0 }), 0);
    }
  };
  await store.write({
    exclusive: true,
    write: () => {
      verify(specs, (name) => layout.channel(name));
      let last = Math.max(FIRST_CHANNEL_ID - 1, db.meta.getEntry(keys.lastId())?.version ?? 0);
      for (const spec of specs) {
        if (layout.channel(spec.name) === undefined) make(spec, ++last);
        const channel = layout.channel(spec.name);
        if (channel === undefined) continue;
        topics.add(channel.id);
        for (const group of spec.groups ?? []) {
          for (let partition = 0; partition < channel.partitions; partition++) {
            if (layout.position(channel.id, partition, group) !== undefined) continue;
            const at = layout.start(channel.id, partition)?.value.start ?? 0;
            void db.meta.put(keys.position(channel.id, partition, group), fact({ at, committed: true }), 0);
          }
        }
      }
      return Promise.resolve(true);
    },
  }, topics);
}

function verify(specs: readonly ChannelSpec[], find: (name: string) => ChannelFact | undefined): void {
  const partitions = new Map<string, number>();
  for (const spec of specs) {
    if (!Number.isSafeInteger(spec.partitions) || spec.partitions < 1) {
      throw new MillraceError('MILLRACE_OPTION_INVALID', `channel ${spec.name} cannot have ${spec.partitions} partitions`, { channel: spec.name });
    }
    const there = find(spec.name)?.partitions ?? partitions.get(spec.name) ?? spec.partitions;
    if (there !== spec.partitions) {
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${spec.name} has ${there} partition${there === 1 ? '' : 's'}, not ${spec.partitions}`, { channel: spec.name });
    }
    partitions.set(spec.name, spec.partitions);
  }
}

/** Deletes channels and the state of owners. The data of channels goes bit by bit afterwards. */
export async function deleteChannels(store: LocalStore, names: readonly string[], owners: readonly string[]): Promise<void> {
  const { layout, db } = store;
  const topics = new Set<number>();
  await store.write({
    exclusive: true,
    write: () => {
      for (const name of names) {
        const channel = layout.channel(name);
        if (channel === undefined) continue;
        topics.add(channel.id);
        void db.meta.remove(keys.channel(name));
        void db.meta.put(keys.doomed(channel.id), fact({}), 0);
        for (const table of ['end', 'start', 'position']) {
          for (const key of [...db.meta.getKeys({ start: [table, channel.id], end: [table, channel.id + 1] })]) void db.meta.remove(key);
        }
      }
      for (const owner of owners) for (const key of [...db.state.getKeys({ start: [owner], end: [owner, '\uffff'] })]) void db.state.remove(key);
      return Promise.resolve(true);
    },
  }, topics);
  sweep(store);
}

/** Removes what is left of deleted channels, in the background. Whoever connects next goes on with it. */
export function sweep(store: LocalStore): void {
  const doomed = Array.from(store.db.meta.getKeys({ start: ['doomed'], end: ['doomed', Infinity] }), (key) => Number(key[1]));
  // Where the disk is full, the data stays until somebody connects again.
  for (const id of doomed) store.inBackground(`sweep ${id}`, () => sweepChannel(store, id));
}

async function sweepChannel(store: LocalStore, id: number): Promise<void> {
  const { db } = store;
  for (let more = true; more && !store.closing;) {
    await store.write({
      write: () => {
        const entries = [...db.log.getKeys({ start: [id], end: [id + 1], limit: REMOVALS })];
        more = entries.length === REMOVALS;
        return writeWhere(db, [[keys.doomed(id), 0]], () => {
          for (const key of entries) void db.log.remove(key);
          if (!more) void db.meta.remove(keys.doomed(id));
        }).then(() => true);
      },
    }, []);
  }
}

