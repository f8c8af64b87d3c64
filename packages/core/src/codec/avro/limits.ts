/**
 * What a schema or a value from outside may cost. A peer that sends a schema or a record is not trusted: without these, a
 * few bytes make a reader build millions of values or loop for hours.
 */

/** Bytes of a schema's text, in UTF-8. @internal */
export const MAX_SCHEMA_BYTES = 262_144;

/** Types nested in each other, references to named types followed. */
export const MAX_SCHEMA_DEPTH = 64;

/** Types, fields, symbols and aliases of one schema, together. */
export const MAX_SCHEMA_NODES = 10_000;

/** Characters of a full name. */
export const MAX_NAME_LENGTH = 512;

/** Records nested in each other in one value of a recursive schema. */
export const MAX_VALUE_DEPTH = 512;

/**
 * Values that take no byte (null, a record without fields) in one record, beyond one for each of its bytes. Everything
 * else is bounded by the bytes that it takes.
 */
export const MAX_FREE_VALUES = 65_536;

/** Writer schemas that one codec remembers; the one met first is forgotten first. */
export const MAX_KNOWN_WRITERS = 256;
