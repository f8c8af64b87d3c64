/** A place where a value breaks a schema: `path` must be `expected`, not `found`. */
export interface ValueProblem {
  /** `items[3].price`, `counts["a key"]`; empty for the value itself. */
  readonly path: string;
  /** What should be there, as the end of "must be …". */
  readonly expected: string;
  /** What is there, shortened to 80 characters. */
  readonly found: string;
}

/** A schema that records were written with, as its writer published it. `writerSchema()` makes one from a text. */
export interface WriterSchema {
  /** See {@link Codec.fingerprint}. */
  readonly fingerprint: string;
  readonly format: Codec<unknown>['format'];
  /** See {@link Codec.schema}. */
  readonly schema: string;
}

/** Reads the records of one writer schema as values of the reader's. */
export interface Decoder<out T> {
  /**
   * Reads the record in `bytes` from `start` up to, not including, `end`; all of it must be used up.
   *
   * The value shares nothing with `bytes`, which may be reused or dropped afterwards; but a {@link LazyRecord} does, so that they must stay
   * as they are.
   *
   * @throws MillraceError `MILLRACE_UNDECODABLE` for bytes that are no such record, or that ask for more time, memory or
   * depth than their size warrants.
   */
  decode(bytes: Uint8Array, start: number, end: number): T;
}

/**
 * How the values of a port become bytes and back, and how they are checked. Made by `avro`, `json`, `text` and `bytes`.
 *
 * Invariant in `T`: what an output port writes must be exactly what its schema says, neither more nor less. Immutable, and
 * may be shared between any number of ports.
 */
export interface Codec<in out T> {
  readonly format: 'avro' | 'json' | 'text' | 'bytes';
  /** The name of the record or enum, with its namespace (`com.acme.Order`); empty where the schema has none. */
  readonly name: string;
  /**
   * What a writer publishes for its readers: an Avro schema as JSON text; for `json` a JSON Schema, in which what has no such
   * form is left open; `"string"` for text and `"bytes"` for bytes, with the quotes.
   */
  readonly schema: string;
  /**
   * 16 lower-case hex digits, most significant first. For Avro the CRC-64-AVRO of the Parsing Canonical Form; single-object
   * encoding (`C3 01`) writes the same number little-endian, so its eight bytes are these pairs of digits in reverse. For
   * the others the same function of the format, a colon and the schema text.
   *
   * @see https://avro.apache.org/docs/1.12.0/specification/#schema-fingerprints
   */
  readonly fingerprint: string;
  /** Never there at run time: carries `T` for inference, and keeps it invariant. */
  readonly '~record'?: (value: T) => T;
  /**
   * The fast check of the shape, made by default of every value that is sent: types, ranges, literals and enums, but no
   * refinements. Allocates nothing. A value that passes can be encoded; one that {@link Codec.parse} accepts unchanged passes.
   */
  isValid(value: unknown): value is T;
  /** Where and how a value fails {@link Codec.isValid}; empty if it passes. At most 100, and slow: for messages. */
  problems(value: unknown): ValueProblem[];
  /**
   * The full check by the zod schema, refinements included; gives what the schema makes of the value. Where the schema was
   * given as Avro the same as {@link Codec.isValid}.
   *
   * @throws MillraceError `MILLRACE_VALUE_INVALID` with the paths and the shortened values.
   */
  parse(value: unknown): T;
  /**
   * Writes the value as bare bytes of the format, without header, and gives the position after them.
   *
   * Where the buffer is too small, gives a negative number: minus the bytes that are missing. What then stands after
   * `position` is undefined; encode again into a larger buffer.
   *
   * @throws MillraceError `MILLRACE_VALUE_INVALID` for a value whose type of JavaScript is not the schema's; never for one
   * that {@link Codec.isValid} accepts.
   */
  encode(value: T, buffer: Buffer, position: number): number;
  /**
   * Resolves a writer's schema to this one (Avro specification, "Schema Resolution"). Kept per fingerprint, so that asking
   * again is cheap.
   *
   * @throws MillraceError `MILLRACE_SCHEMA_INVALID` for a schema that is malformed, exceeds a limit or has another
   * fingerprint than it claims; `MILLRACE_SCHEMA_INCOMPATIBLE` with each difference by path; `MILLRACE_SCHEMA_CLASH` where
   * another schema of the same fingerprint means something else.
   */
  decoder(writer: WriterSchema): Decoder<T>;
}

/** The type of a codec's values: `type Order = RecordOf<typeof Order>`. */
export type RecordOf<C> = C extends Codec<infer T> ? T : never;

/**
 * The value as a buffer of its own: for tests and single records. A port encodes into one large buffer instead.
 *
 * @throws MillraceError as {@link Codec.encode} does.
 * @internal
 */
export function encodeToBuffer<T>(codec: Codec<T>, value: T): Buffer {
  let buffer = Buffer.allocUnsafe(256);
  let end = codec.encode(value, buffer, 0);
  while (end < 0) {
    buffer = Buffer.allocUnsafe(buffer.length - end);
    end = codec.encode(value, buffer, 0);
  }
  return Buffer.from(buffer.subarray(0, end));
}
