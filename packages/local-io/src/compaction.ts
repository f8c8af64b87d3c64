import { NO_VALUE, type RecordHeader } from '@millrace/core';
import type { Key } from './database.js';
import { frameOf, place, StoredFrame } from './frame.js';
import { fact, keys, type ChannelFact, type Start } from './layout.js';
import type { LocalStore } from './store.js';
import { consumedTo } from './trim.js';
import { writeWhere } from './write-queue.js';

/** Compaction waits until so many records have come since the last one, and as many as were left then, so that its cost is spread. */
const STEP = 1024;
/** Records of a compacted batch at most. */
const BATCH_RECORDS = 1024;
/** What is rewritten in one transaction: more would hold up everybody else who writes. */
const SLICE_BYTES = 2 * 1024 * 1024;

interface Place {
  readonly frame: StoredFrame;
  readonly index: number;
}

/** A run of stored batches. */
interface Slice {
  readonly frames: readonly StoredFrame[];
  readonly keys: readonly Key[];
  /** Offset after the last of them. */
  readonly next: number;
}

/**
 * Keeps the latest record of each key of a partition, at its offset, as far as every group has committed; where there is no group,
 * to the end. Tombstones and records without a key go, but for the last record of the partition, so that positions get to the
 * end. Bit by bit in the background: a crash in between leaves a partition that is compacted in part. Where another process does
 * the same, one of the two stops.
 */
export async function compact(store: LocalStore, { id }: ChannelFact, partition: number): Promise<void> {
  const due = dueTo(store, id, partition);
  if (due === undefined) return;
  const { start, to, end } = due;
  const latest = new Map<string, number>();
  for (let at = start.value.compacted ?? 0; at < to;) {
    const slice = readSlice(store, id, partition, at, to);
    if (slice === undefined) break;
    for (const frame of slice.frames) for (let i = 0; i < frame.count; i++) noteKey(latest, frame, i);
    at = slice.next;
    await turn();
    if (store.closing) return;
    store.refresh();
  }
  let { version } = start;
  let left = 0;
  let first: number | undefined;
  for (let at = 0; at < to;) {
    store.refresh();
    const slice = readSlice(store, id, partition, at, to);
    if (slice === undefined) break;
    const kept = slice.frames.flatMap((frame) => survivors(frame, latest, end - 1));
    left += kept.length;
    const [head] = kept;
    first ??= head?.frame.offsetAt(head.index);
    if (kept.length < slice.frames.reduce((sum, { count }) => sum + count, 0)) {
      const next: Start = { ...start.value, start: first ?? slice.next };
      if (!await rewrite(store, id, partition, slice, kept, version, next)) return;
      version++;
    }
    at = slice.next;
    await turn();
    if (store.closing) return;
  }
  await replaceStart(store, id, partition, version, { start: first ?? to, compacted: to, left });
}

/** Whether enough has come since the last compaction. */
export function isCompactionDue(store: LocalStore, { id }: ChannelFact, partition: number): boolean {
  return dueTo(store, id, partition) !== undefined;
}

function dueTo(store: LocalStore, id: number, partition: number) {
  const start = store.layout.start(id, partition);
  const end = store.layout.end(id, partition)?.end;
  if (start === undefined || end === undefined) return undefined;
  const to = consumedTo(store.layout.positions(id, partition), new Map(), end) ?? end;
  const { compacted = 0, left = 0 } = start.value;
  return to - compacted < Math.max(STEP, left) ? undefined : { start, to, end };
}

/** Whole batches from an offset on that end at or before another. */
function readSlice(store: LocalStore, id: number, partition: number, from: number, to: number): Slice | undefined {
  const frames: StoredFrame[] = [];
  const found: Key[] = [];
  let bytes = 0;
  for (const { key, value } of store.db.log.getRange({ start: keys.batch(id, partition, from), end: keys.batch(id, partition, to) })) {
    const frame = new StoredFrame(Number(key[2]), value);
    if (frame.next > to) break;
    frames.push(frame);
    found.push(key);
    bytes += value.byteLength;
    if (bytes >= SLICE_BYTES) break;
  }
  const last = frames.at(-1);
  return last === undefined ? undefined : { frames, keys: found, next: last.next };
}

function noteKey(latest: Map<string, number>, frame: StoredFrame, index: number): void {
  const key = frame.keyAt(index);
  if (key !== undefined) latest.set(nameOf(key), frame.offsetAt(index));
}

function survivors(frame: StoredFrame, latest: ReadonlyMap<string, number>, last: number): Place[] {
  const kept: Place[] = [];
  for (let index = 0; index < frame.count; index++) {
    const key = frame.keyAt(index);
    const offset = frame.offsetAt(index);
    const isLatest = key !== undefined && (latest.get(nameOf(key)) ?? offset) <= offset;
    if ((isLatest && !frame.isTombstone(index)) || offset === last) kept.push({ frame, index });
  }
  return kept;
}

/** @returns whether nobody else touched the beginning of the partition in between */
function rewrite(store: LocalStore, id: number, partition: number, slice: Slice, kept: readonly Place[], version: number, start: Start): Promise<boolean> {
  const before = slice.frames[0]?.bytesBefore ?? 0;
  const frames = runs(kept).map((places) => gather(places, before));
  let held = false;
  return store.write({
    write: () => {
      if (store.layout.start(id, partition)?.version !== version) return Promise.resolve(true);
      const outcome = writeWhere(store.db, [[keys.start(id, partition), version]], () => {
        for (const key of slice.keys) void store.db.log.remove(key);
        for (const { base, frame } of frames) void store.db.log.put(keys.batch(id, partition, base), frame);
        void store.db.meta.put(keys.start(id, partition), fact(start), version + 1);
      });
      return outcome.then((result) => (held = result));
    },
  }, []).then(() => held);
}

async function replaceStart(store: LocalStore, id: number, partition: number, version: number, start: Start): Promise<void> {
  const key = keys.start(id, partition);
  await store.write({ write: () => writeWhere(store.db, [[key, version]], () => void store.db.meta.put(key, fact(start), version + 1)).then(() => true) }, []);
}

/** Splits places into runs of one schema that one batch can hold. */
function runs(places: readonly Place[]): Place[][] {
  const result: Place[][] = [];
  for (const place of places) {
    const run = result.at(-1);
    if (run === undefined || run.length >= BATCH_RECORDS || run[0]?.frame.schema !== place.frame.schema) result.push([place]);
    else run.push(place);
  }
  return result;
}

function gather(places: readonly Place[], before: number): { readonly base: number; readonly frame: Buffer } {
  const values = places.map(({ frame, index }) => (frame.isTombstone(index) ? undefined : frame.bytes.subarray(frame.bounds[2 * index], frame.bounds[2 * index + 1])));
  const bytes = Buffer.concat(values.filter((value) => value !== undefined));
  const bounds = new Uint32Array(2 * places.length).fill(NO_VALUE);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue;
    bounds[2 * i] = at;
    bounds[2 * i + 1] = at += value.byteLength;
  }
  const offsets = places.map(({ frame, index }) => frame.offsetAt(index));
  const frame = frameOf({
    count: places.length,
    bytes,
    bounds,
    offsets,
    schema: places[0]?.frame.schema ?? '',
    timestamp: places[0]?.frame.timestamp ?? 0,
    timestamps: places.map(({ frame, index }) => frame.timestampAt(index)),
    keys: places.map(({ frame, index }): Uint8Array | undefined => frame.keyAt(index)),
    headers: places.map(({ frame, index }): readonly RecordHeader[] | undefined => frame.headersAt(index)),
  });
  place(frame, (offsets.at(-1) ?? 0) + 1, before);
  return { base: offsets[0] ?? 0, frame };
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

/** Lets others run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
