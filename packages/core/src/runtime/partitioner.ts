/**
 * murmur2 over bytes, as Kafka's Java client computes it for keys (`org.apache.kafka.common.utils.Utils.murmur2`): a signed
 * 32-bit number.
 */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length - i;
  if (rest === 3) h ^= data[i + 2]! << 16;
  if (rest >= 2) h ^= data[i + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ data[i]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return (h ^ (h >>> 15)) | 0;
}

/** The partition of a key, as Kafka's default partitioner chooses it. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fff_ffff) % partitions;
}

/** Text keys met lately as bytes: keys repeat, and encoding them is most of a keyed send's cost. */
export class KeyCache {
  static readonly #LIMIT = 8_192;
  readonly #known = new Map<string, Uint8Array>();

  get(key: string): Uint8Array {
    let bytes = this.#known.get(key);
    if (bytes !== undefined) return bytes;
    if (this.#known.size >= KeyCache.#LIMIT) this.#known.clear();
    // Copied out of Buffer's shared pool, so that a key does not keep a whole slab of it alive.
    bytes = new Uint8Array(Buffer.from(key, 'utf8'));
    this.#known.set(key, bytes);
    return bytes;
  }
}
