import { MillraceError } from '../error/index.js';
import { canonicalForm } from './avro/canonical.js';
import { crc64Avro } from './avro/fingerprint.js';
import { MAX_SCHEMA_BYTES } from './avro/limits.js';
import { parseAvroSchema } from './avro/parse.js';
import type { Codec, WriterSchema } from './codec.js';

/** The members by which codecs are compared; the same in every copy of the package. */
export const DIFFERENCES = Symbol.for('@millrace/codec/differences');
export const VALUES = Symbol.for('@millrace/codec/values');

/** What the codecs of this package can say beyond their contract. */
export interface Comparable {
  /** Why a writer's records cannot be read. */
  [DIFFERENCES](writer: WriterSchema): readonly string[];
  /** What the values are in JavaScript; equal for two codecs whose values can stand for each other. */
  [VALUES](): string;
}

/**
 * A writer schema from a text that came from outside (a schema registry, a file), with its fingerprint.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_INVALID` for a text that is no schema of the format, or exceeds a limit.
 * @internal
 */
export function parseWriterSchema(format: WriterSchema['format'], schema: string): WriterSchema {
  return { format, schema, fingerprint: fingerprintOf(format, schema) };
}

/**
 * The differences by path for which a reader refuses what a writer writes; empty where it can read it. Compiles nothing and
 * throws nothing, so that a plan can ask it about any two ends.
 *
 * What JSON, text and bytes carry is only known from the records: of those nothing but the format is compared.
 * @internal
 */
export function incompatibilities<T>(writer: WriterSchema, reader: Codec<T>): string[] {
  if (DIFFERENCES in reader) return [...(reader as Codec<T> & Comparable)[DIFFERENCES](writer)];
  try {
    reader.decoder(writer);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/**
 * True where what one codec calls a value is one for the other as it stands, so that it can be passed by reference.
 *
 * Equal fingerprints are not enough: they say that the bytes are the same, which is so for a `Date`, a bigint and a number,
 * or for null and undefined.
 * @internal
 */
export function haveSameValues<A, B>(a: Codec<A>, b: Codec<B>): boolean {
  if ((a as unknown) === b) return true;
  if (a.format !== b.format || a.fingerprint !== b.fingerprint || !(VALUES in a) || !(VALUES in b)) return false;
  return (a as Codec<A> & Comparable)[VALUES]() === (b as Codec<B> & Comparable)[VALUES]();
}

/** Differences of the formats as such, or undefined where they are the same. */
export function formatDifference(writer: WriterSchema, reader: WriterSchema['format']): string | undefined {
  return writer.format === reader ? undefined : `written as ${writer.format}, read as ${reader}`;
}

/** The error for a writer that cannot be read; lists the first twenty differences. */
export function incompatible(reader: string, differences: readonly string[]): MillraceError {
  const shown = differences.slice(0, 20).map((difference) => `\n  - ${difference}`);
  if (differences.length > 20) shown.push(`\n  - and ${differences.length - 20} more`);
  return new MillraceError('MILLRACE_SCHEMA_INCOMPATIBLE', `what is written cannot be read${reader === '' ? '' : ` as ${reader}`}:${shown.join('')}`);
}

/** The fingerprint of what is published for a format; see {@link Codec.fingerprint}. */
export function fingerprintOf(format: WriterSchema['format'], schema: string): string {
  if (format === 'avro') return crc64Avro(canonicalForm(parseAvroSchema(schema, { defaults: false })));
  if (typeof schema !== 'string' || schema.length > MAX_SCHEMA_BYTES) throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the schema is no text, or longer than ${MAX_SCHEMA_BYTES} bytes`);
  return crc64Avro(`${format}:${schema}`);
}
