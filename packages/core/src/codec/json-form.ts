import type { z } from 'zod';
import { MillraceError } from '../error/index.js';
import type { AvroType } from './avro/schema.js';
import type { Codec, Decoder } from './codec.js';
import { json } from './json.js';
import { parseJson, stringify, writeText } from './json-text.js';
import { undecodable } from './undecodable.js';

/** The member by which a codec of other bytes tells its JSON form; the same in every copy of the package. */
export const JSON_FORM = Symbol.for('@millrace/codec/json-form');

/** How the values of a codec stand in JSON text. */
export interface JsonForm<in out T> {
  /** As {@link Codec.encode}. */
  encode(value: T, buffer: Buffer, position: number): number;
  readonly decoder: Decoder<T>;
}

/**
 * How the values of a codec stand in JSON text: for records of a channel whose format is not the codec's own.
 *
 * A schema of zod parses what is read, defaults and refinements included, as `json()` would. Values of a schema given as Avro
 * are plain JSON values, and checked by the schema: unions are not wrapped, and every field must be there.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE` with every place that JSON cannot carry
 * @internal
 */
export function jsonFormOf<T>(codec: Codec<T>): JsonForm<T> {
  if (JSON_FORM in codec) return (codec as { [JSON_FORM](): JsonForm<T> })[JSON_FORM]();
  throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `a codec of the format ${codec.format} has no JSON form; declare the port with json()`);
}

/** Of an Avro codec that was made from a schema of zod. */
export function jsonFormOfZod(schema: z.core.$ZodType, type: AvroType, name: string): JsonForm<unknown> {
  const codec = json(schema as z.ZodType);
  return { encode: encoder(type, name), decoder: codec.decoder(codec) };
}

/** Of an Avro codec that was made from a schema of Avro. */
export function jsonFormOfAvro(type: AvroType, codec: Codec<unknown>): JsonForm<unknown> {
  const { name } = codec;
  const places = bytesIn(type, name || 'value');
  if (places.length > 0) throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `this Avro schema has no JSON form:\n${places.map((place) => `  - ${place}: bytes have no JSON form; use a string with base64`).join('\n')}`);
  return {
    encode: encoder(type, name),
    decoder: {
      decode(bytes, start, end) {
        try {
          const value = parseJson(bytes, start, end);
          if (codec.isValid(value)) return value;
          const [problem] = codec.problems(value);
          throw new Error(`it breaks the schema: ${problem?.path || 'the value'} must be ${problem?.expected ?? 'valid'}, not ${problem?.found ?? 'this'}`);
        } catch (cause) {
          throw undecodable(name, cause);
        }
      },
    },
  };
}

function encoder(type: AvroType, name: string): JsonForm<unknown>['encode'] {
  const replacer = hasFloats(type) ? finite : undefined;
  return (value, buffer, position) => writeText(stringify(value, name, replacer), buffer, position);
}

/** Avro carries NaN and the infinities; JSON would turn them into null. */
function finite(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`JSON has no ${value}`);
  return value;
}

function hasFloats(type: AvroType): boolean {
  return placesOf(type, '', ({ kind }) => kind === 'float' || kind === 'double').length > 0;
}

function bytesIn(type: AvroType, path: string): readonly string[] {
  return placesOf(type, path, ({ kind }) => kind === 'bytes' || kind === 'fixed');
}

/** The paths of all types of a kind. */
function placesOf(type: AvroType, path: string, is: (type: AvroType) => boolean, seen = new Set<AvroType>()): readonly string[] {
  if (is(type)) return [path];
  if (seen.has(type)) return [];
  seen.add(type);
  switch (type.kind) {
    case 'array':
      return placesOf(type.items, `${path}[]`, is, seen);
    case 'map':
      return placesOf(type.values, `${path}{}`, is, seen);
    case 'union':
      return type.branches.flatMap((branch) => placesOf(branch, path, is, seen));
    case 'record':
      return type.fields.flatMap((field) => placesOf(field.type, `${path}.${field.name}`, is, seen));
    default:
      return [];
  }
}
