import { TOMBSTONE, NO_VALUE, type RecordHeader } from '../channel/spi.js';
import { Segment } from './segment.js';

/** Records of a compacted segment at most. */
const SEGMENT_RECORDS = 1024;

interface Place {
  readonly segment: Segment;
  readonly index: number;
}

/**
 * Keeps the latest record of each key of some segments, at its offset. Tombstones and records without a key go.
 *
 * @param last offset of the last record of the log: it stays whatever it is, so that a reader's position always gets to the end.
 */
export function compacted(segments: readonly Segment[], last: number): Segment[] {
  const seen = new Set<string>();
  const kept: Place[] = [];
  for (const segment of segments.toReversed()) {
    for (let index = segment.count - 1; index >= 0; index--) {
      const key = segment.keys?.[index];
      const name = key === undefined ? undefined : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
      const latest = name !== undefined && !seen.has(name);
      if (name !== undefined) seen.add(name);
      if ((latest && !segment.isTombstone(index)) || segment.offsetAt(index) === last) kept.push({ segment, index });
    }
  }
  return runs(kept.reverse()).map(gather);
}

/** Splits places into runs that one segment can hold: of one schema, and either all by reference or all encoded. */
function runs(places: readonly Place[]): Place[][] {
  const result: Place[][] = [];
  for (const place of places) {
    const run = result.at(-1);
    const first = run?.[0];
    if (run === undefined || first === undefined || run.length >= SEGMENT_RECORDS || first.segment.schema !== place.segment.schema
      || (first.segment.objects === undefined) !== (place.segment.objects === undefined)) result.push([place]);
    else run.push(place);
  }
  return result;
}

function gather(places: readonly Place[]): Segment {
  const [first] = places;
  if (first === undefined) throw new RangeError('a run of compacted records is never empty');
  const encoded = first.segment.objects === undefined ? encode(places) : undefined;
  const offsets = places.map(({ segment, index }) => segment.offsetAt(index));
  const keys = places.map(({ segment, index }): Uint8Array | undefined => segment.keys?.[index]);
  const headers = places.map(({ segment, index }): readonly RecordHeader[] | undefined => segment.headers?.[index]);
  const segment = new Segment(
    first.segment.schema,
    places.length,
    encoded === undefined ? places.map(({ segment, index }): unknown => (segment.objects === undefined ? TOMBSTONE : segment.objects[index])) : undefined,
    encoded?.bytes ?? new Uint8Array(0),
    encoded?.bounds ?? new Uint32Array(0),
    first.segment.timestamp,
    places.map(({ segment, index }) => segment.timestampAt(index)),
    keys,
    headers,
    offsets,
  );
  segment.base = offsets[0] ?? 0;
  segment.next = (offsets.at(-1) ?? segment.base) + 1;
  segment.weightBefore = first.segment.weightBefore;
  return segment;
}

/** Copies the values together, so that the buffers of the old segments can go. */
function encode(places: readonly Place[]): { bytes: Uint8Array; bounds: Uint32Array } {
  const values = places.map(({ segment, index }) =>
    segment.isTombstone(index) ? undefined : segment.bytes.subarray(segment.bounds[2 * index], segment.bounds[2 * index + 1]),
  );
  const bytes = new Uint8Array(values.reduce((sum, value) => sum + (value?.byteLength ?? 0), 0));
  const bounds = new Uint32Array(2 * values.length).fill(NO_VALUE);
  let at = 0;
  for (const [i, value] of values.entries()) {
    if (value === undefined) continue;
    bytes.set(value, at);
    bounds[2 * i] = at;
    at += value.byteLength;
    bounds[2 * i + 1] = at;
  }
  return { bytes, bounds };
}
