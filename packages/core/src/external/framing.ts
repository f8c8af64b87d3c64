/**
 * What stands before each value and names the schema that it was written with. The name is kept as two numbers of 32 bits,
 * since a text for each record would cost more than reading it.
 */
export interface Framing {
  /** Bytes before the value. */
  readonly size: number;
  /** What such a value begins with, for messages. */
  readonly mark: string;
  /** Whether a value begins with the mark. */
  isMarked(bytes: Uint8Array, start: number): boolean;
  high(bytes: Uint8Array, start: number): number;
  low(bytes: Uint8Array, start: number): number;
  /** The name as people write it. */
  nameOf(high: number, low: number): string;
}

/**
 * Avro's single-object encoding: `C3 01`, then the fingerprint little-endian.
 *
 * @see https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding
 */
export const SINGLE_OBJECT: Framing = {
  size: 10,
  mark: 'C3 01 and the fingerprint of a schema',
  isMarked: (bytes, start) => bytes[start] === 0xc3 && bytes[start + 1] === 0x01,
  high: (bytes, start) => bytes[start + 6]! | (bytes[start + 7]! << 8) | (bytes[start + 8]! << 16) | (bytes[start + 9]! << 24),
  low: (bytes, start) => bytes[start + 2]! | (bytes[start + 3]! << 8) | (bytes[start + 4]! << 16) | (bytes[start + 5]! << 24),
  nameOf: (high, low) => hex(high) + hex(low),
};

/**
 * The wire format of Confluent's serializers: a zero byte, then the id of the schema in a registry, big-endian.
 *
 * @see https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
 */
export const CONFLUENT: Framing = {
  size: 5,
  mark: 'a zero byte and the id of a schema',
  isMarked: (bytes, start) => bytes[start] === 0,
  high: () => 0,
  low: (bytes, start) => (bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!,
  nameOf: (_, low) => String(low),
};

/** What goes before values of the schema with this fingerprint (16 hex digits). @internal */
export function singleObjectHeader(fingerprint: string): Uint8Array {
  return Uint8Array.of(0xc3, 0x01, ...Buffer.from(fingerprint, 'hex').reverse());
}

/** What goes before values of the schema that a registry knows by this id. */
export function confluentHeader(id: number): Uint8Array {
  return Uint8Array.of(0, id >>> 24, id >>> 16, id >>> 8, id);
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
