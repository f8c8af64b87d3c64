import type { Retention } from '@millrace/core';
import type { Key } from './database.js';
import { fact, keys, type ChannelFact, type Position, type Start } from './layout.js';
import { heads } from './log.js';
import type { LocalStore } from './store.js';

/** Batches that one trim removes at most. */
const REMOVALS = 256;

/** What a trim would do. */
export interface Trim {
  readonly key: Key;
  /** The version of the start that it was worked out from. */
  readonly version: number;
  readonly start: Start;
  readonly batches: readonly Key[];
}

/**
 * Works out which consumed batches of a partition can go, as far as the retention allows. A compacted channel keeps them:
 * {@link ./compaction.js}.
 * @param moved positions that are written in the same transaction
 */
export function planTrim(store: LocalStore, { id, retention }: ChannelFact, partition: number, end: { readonly end: number; readonly bytes: number }, moved: ReadonlyMap<string, number>): Trim | undefined {
  const stored = store.layout.start(id, partition);
  if (stored === undefined) return undefined;
  const { start } = stored.value;
  const consumed = consumedTo(store.layout.positions(id, partition), moved, end.end);
  if (consumed === undefined || consumed <= start) return undefined;
  const limit = retention === undefined ? consumed : expired(store, id, partition, start, consumed, end.bytes, retention);
  if (limit <= start) return undefined;
  const batches: Key[] = [];
  let to = start;
  for (const { base, next } of heads(store, id, partition, start)) {
    if (base >= limit) break;
    to = Math.min(next, limit);
    if (next > limit) break;
    batches.push(keys.batch(id, partition, base));
    if (batches.length === REMOVALS) break;
  }
  return { key: keys.start(id, partition), version: stored.version, start: { start: to }, batches };
}

/** Writes a trim; to be called where its version still holds. */
export function writeTrim(store: LocalStore, { key, version, start, batches }: Trim): void {
  for (const batch of batches) void store.db.log.remove(batch);
  void store.db.meta.put(key, fact(start), version + 1);
}

/** Offset before which every group has committed; undefined where there is no group. */
export function consumedTo(groups: ReadonlyMap<string, Position>, moved: ReadonlyMap<string, number>, end: number): number | undefined {
  if (groups.size === 0 && moved.size === 0) return undefined;
  let consumed = Math.min(end, ...moved.values());
  for (const [group, { at }] of groups) if (!moved.has(group)) consumed = Math.min(consumed, at);
  return consumed;
}

/** Offset before which the retention keeps nothing. Age and size are judged by whole batches. */
function expired(store: LocalStore, id: number, partition: number, start: number, consumed: number, bytes: number, retention: Retention): number {
  if (retention.records === undefined && retention.bytes === undefined && retention.ms === undefined) return consumed;
  let limit = retention.records === undefined ? start : Math.max(start, consumed - retention.records);
  if (retention.bytes === undefined && retention.ms === undefined) return limit;
  const oldest = Date.now() - (retention.ms ?? Infinity);
  let batches = 0;
  for (const head of heads(store, id, partition, start)) {
    if (head.next > consumed || batches++ === REMOVALS) break;
    const tooMany = retention.bytes !== undefined && bytes - head.before > retention.bytes;
    if (!tooMany && head.latest >= oldest) break;
    limit = Math.max(limit, head.next);
  }
  return limit;
}
