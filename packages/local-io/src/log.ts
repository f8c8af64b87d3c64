import { readHead, StoredFrame } from './frame.js';
import { keys } from './layout.js';
import type { LocalStore } from './store.js';

/** Read ahead of a reader, per partition: so many bytes at least, and so many batches at most. */
const AHEAD_BYTES = 1024 * 1024;
const AHEAD_BATCHES = 64;

/** The batches of a partition from the record at an offset on: as many as are read ahead. */
export function readFrames(store: LocalStore, id: number, partition: number, offset: number): StoredFrame[] {
  const frames: StoredFrame[] = [];
  let bytes = 0;
  const from = floor(store, id, partition, offset) ?? offset;
  for (const { key, value } of store.db.log.getRange({ start: keys.batch(id, partition, from), end: [id, partition + 1], limit: AHEAD_BATCHES })) {
    const frame = new StoredFrame(Number(key[2]), value);
    // The batch before may end where this one begins.
    if (frame.next <= offset) continue;
    frames.push(frame);
    bytes += value.byteLength;
    if (bytes >= AHEAD_BYTES) break;
  }
  return frames;
}

/** Where the last batch begins that begins at or before an offset. */
function floor(store: LocalStore, id: number, partition: number, offset: number): number | undefined {
  for (const key of store.db.log.getKeys({ start: keys.batch(id, partition, offset), end: [id, partition], reverse: true, limit: 1 })) return Number(key[2]);
  return undefined;
}

/** Offset of the first record at or after a time in epoch ms; `end` where there is none. */
export function offsetAt(store: LocalStore, id: number, partition: number, start: number, end: number, time: number): number {
  for (const head of heads(store, id, partition, start)) {
    if (head.next <= start || head.latest < time) continue;
    const value = store.db.log.get(keys.batch(id, partition, head.base));
    if (value === undefined) continue;
    const frame = new StoredFrame(head.base, value);
    for (let i = frame.indexOf(start); i < frame.count; i++) if (frame.timestampAt(i) >= time) return frame.offsetAt(i);
  }
  return end;
}

/** A stored batch without its records. */
export interface Head extends ReturnType<typeof readHead> {
  readonly base: number;
}

/** The heads of the batches of a partition, from the one that holds an offset on. */
export function* heads(store: LocalStore, id: number, partition: number, offset: number): Generator<Head> {
  const { log } = store.db;
  for (const key of log.getKeys({ start: keys.batch(id, partition, floor(store, id, partition, offset) ?? offset), end: [id, partition + 1] })) {
    const value = log.getBinaryFast(key);
    if (value !== undefined) yield { base: Number(key[2]), ...readHead(value) };
  }
}
