import { z } from 'zod';
import { MillraceError } from '../error/index.js';
import { MAX_SCHEMA_BYTES } from './avro/limits.js';
import type { Codec, Decoder, ValueProblem, WriterSchema } from './codec.js';
import { parseJson, stringify, writeText } from './json-text.js';
import { undecodable } from './undecodable.js';
import { shorten } from './value-problem.js';
import { DIFFERENCES, fingerprintOf, formatDifference, incompatible, VALUES, type Comparable } from './writer-schema.js';
import { metadataOf } from './zod/inspect.js';
import { issueList, parse, pathOf, refineWith, valueAt } from './zod/refine.js';
import { problemsForJson } from './zod/to-json.js';

/**
 * A codec that writes JSON text, and parses what it reads by a zod schema.
 *
 * Values are what JSON itself carries: `JSON.parse(JSON.stringify(value))` must give the value again. Dates, bigints, bytes,
 * maps and transforms are therefore refused; `z.iso.datetime()` and strings stand in for them. Under `z.any()` and
 * `z.unknown()` the caller sees to that.
 *
 * Nothing is known of a writer but that it writes JSON: a record that does not fit is found when it is read.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE` with every place that JSON cannot carry, and what to use instead.
 */
export function json<S extends z.ZodType>(schema: S): Codec<z.output<S>> {
  const problems = problemsForJson(schema);
  if (problems.length > 0) throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `this zod schema has no JSON form:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  return new JsonCodec(schema);
}

const ANYTHING = '{}';
let codecs = 0;

class JsonCodec<S extends z.ZodType> implements Codec<z.output<S>>, Comparable {
  readonly format = 'json';
  readonly name: string;
  readonly schema: string;
  readonly fingerprint: string;
  readonly #schema: S;
  readonly #decoder: Decoder<z.output<S>>;
  readonly #unlikeOthers = `#${codecs++}`;

  constructor(schema: S) {
    this.name = metadataOf(schema).id ?? '';
    this.schema = jsonSchemaOf(schema);
    this.fingerprint = fingerprintOf('json', this.schema);
    this.#schema = schema;
    this.#decoder = new JsonDecoder(schema, this.name);
  }

  isValid(value: unknown): value is z.output<S> {
    const result = parse(this.#schema, value, this.name);
    return result.success && isKept(value, result.data);
  }

  problems(value: unknown): ValueProblem[] {
    const result = parse(this.#schema, value, this.name);
    if (!result.success) return result.error.issues.slice(0, 100).map((issue) => ({ path: pathOf(issue.path), expected: `valid (${issue.message})`, found: shorten(valueAt(value, issue.path)) }));
    return isKept(value, result.data) ? [] : [{ path: '', expected: `what the schema makes of it, ${shorten(result.data)}`, found: shorten(value) }];
  }

  parse(value: unknown): z.output<S> {
    return refineWith(this.#schema, this.name)(value) as z.output<S>;
  }

  encode(value: z.output<S>, buffer: Buffer, position: number): number {
    return writeText(stringify(value, this.name), buffer, position);
  }

  decoder(writer: WriterSchema): Decoder<z.output<S>> {
    const difference = formatDifference(writer, 'json');
    if (difference !== undefined) throw incompatible(this.name, [difference]);
    return this.#decoder;
  }

  [DIFFERENCES](writer: WriterSchema): readonly string[] {
    return [formatDifference(writer, 'json')].filter((difference) => difference !== undefined);
  }

  [VALUES](): string {
    // The schema that allows everything says nothing about the values of another one.
    return this.schema === ANYTHING ? this.#unlikeOthers : this.schema;
  }
}

class JsonDecoder<S extends z.ZodType> implements Decoder<z.output<S>> {
  readonly #schema: S;
  readonly #name: string;

  constructor(schema: S, name: string) {
    this.#schema = schema;
    this.#name = name;
  }

  decode(bytes: Uint8Array, start: number, end: number): z.output<S> {
    try {
      const value = parseJson(bytes, start, end);
      const result = parse(this.#schema, value, this.#name);
      if (result.success) return result.data as z.output<S>;
      throw new Error(`it breaks the schema:${issueList(result.error, value)}`, { cause: result.error });
    } catch (cause) {
      if (MillraceError.is(cause)) throw cause;
      throw undecodable(this.#name, cause);
    }
  }
}

/** The schema as JSON Schema, or the one that allows everything where zod can make none or only an excessive one. */
function jsonSchemaOf(schema: z.ZodType): string {
  try {
    const text = JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any' }));
    return text.length > MAX_SCHEMA_BYTES ? ANYTHING : text;
  } catch {
    return ANYTHING;
  }
}

/**
 * True where parsing left a value as it was, but for keys that the schema does not know. What a default or a coercion would
 * change is not yet a value of the schema's output.
 */
function isKept(before: unknown, after: unknown): boolean {
  if (Object.is(before, after)) return true;
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return false;
  if (Array.isArray(after)) return Array.isArray(before) && before.length === after.length && after.every((item, index) => isKept(before[index], item));
  return Object.entries(after).every(([key, item]) => isKept((before as Readonly<Record<string, unknown>>)[key], item));
}
