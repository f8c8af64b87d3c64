/**
 * CRC-64-AVRO, the Rabin fingerprint of the Avro specification ("Schema Fingerprints"), over two 32-bit halves: a BigInt
 * for each byte would be some fifty times slower.
 */
const EMPTY_HIGH = 0xc15d213a;
const EMPTY_LOW = 0xa4d7a795;

const { high: HIGH, low: LOW } = makeTable();

function makeTable(): { readonly high: Uint32Array; readonly low: Uint32Array } {
  const high = new Uint32Array(256);
  const low = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let h = 0;
    let l = byte;
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd === 1) {
        h ^= EMPTY_HIGH;
        l ^= EMPTY_LOW;
      }
    }
    high[byte] = h;
    low[byte] = l;
  }
  return { high, low };
}

/**
 * The fingerprint of a text in UTF-8 as 16 lower-case hex digits, most significant first.
 *
 * Single-object encoding writes the same number little-endian, so the eight bytes after `C3 01` are the pairs of these
 * digits from the last to the first: `63dd24e7cc258f8a` is written `8a 8f 25 cc e7 24 dd 63`.
 */
export function crc64Avro(text: string): string {
  let high = EMPTY_HIGH;
  let low = EMPTY_LOW;
  for (const byte of Buffer.from(text, 'utf8')) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (LOW[index] ?? 0);
    high = (high >>> 8) ^ (HIGH[index] ?? 0);
  }
  return hex(high) + hex(low);
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
