import { gunzipSync, gzipSync } from 'node:zlib';

/** How the records of a batch are packed. Snappy is read, not written. */
export type Compression = 'none' | 'gzip';

/** Packs the records of a batch. */
export function compress(_compression: Exclude<Compression, 'none'>, records: Uint8Array): Uint8Array {
  return gzipSync(records);
}

/** Unpacks the records of a batch by the compression of its attributes. */
export function decompress(id: number, records: Uint8Array, maxBytes: number): Buffer {
  if (id !== 1) throw new Error(`compression ${id} is not known`);
  return gunzipSync(records, { maxOutputLength: maxBytes });
}
