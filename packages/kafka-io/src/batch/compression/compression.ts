import { COMPRESSION_IDS } from '../format.js';
import { gzip } from './gzip.js';
import { lz4 } from './lz4.js';
import type { Packer } from './packer.js';
import { snappy } from './snappy.js';
import { zstd } from './zstd.js';

/** How the records of a batch can be packed. */
export type Compression = 'none' | 'gzip' | 'lz4' | 'zstd';

const packers = { gzip, lz4, zstd } satisfies Record<Exclude<Compression, 'none'>, Packer>;

const unpackers = new Map<number, Packer['decompress']>([
  [COMPRESSION_IDS.gzip, gzip.decompress],
  [COMPRESSION_IDS.snappy, snappy.decompress],
  [COMPRESSION_IDS.lz4, lz4.decompress],
  [COMPRESSION_IDS.zstd, zstd.decompress],
]);

/** The records of a batch, packed. */
export function compress(compression: Exclude<Compression, 'none'>, records: Buffer): Buffer {
  return packers[compression].compress(records);
}

/**
 * The records of a batch, unpacked.
 *
 * @param id from the attributes of the batch, see {@link COMPRESSION_IDS}.
 * @throws Error as {@link Packer.decompress}, and for an id that is not known.
 */
export function decompress(id: number, records: Buffer, maxBytes: number): Buffer {
  const unpack = unpackers.get(id);
  if (unpack === undefined) throw new Error(`it is packed with compression ${id}, which is not known; known are gzip, snappy, lz4 and zstd`);
  return unpack(records, maxBytes);
}
