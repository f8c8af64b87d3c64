import { z } from 'zod';
import { AvroCodec } from './avro/codec.js';
import { parseAvroSchema, type AvroSchema } from './avro/parse.js';
import { publish } from './avro/publish.js';
import { refuseAmbiguousUnions } from './avro/unambiguous.js';
import type { Codec } from './codec.js';
import { jsonFormOfAvro, jsonFormOfZod } from './json-form.js';
import { avroTypeOf } from './zod/to-avro.js';
import { refineWith } from './zod/refine.js';

/**
 * A codec that writes the binary encoding of Avro, from a zod schema: type, check and wire from one source.
 *
 * ```ts
 * export const Order = avro(z.object({ id: z.int(), at: z.date(), note: z.string().optional() }).meta({ id: 'com.acme.Order' }));
 * export type Order = RecordOf<typeof Order>;
 * ```
 *
 * | zod | Avro | value |
 * |---|---|---|
 * | `z.string()` and its formats, `z.templateLiteral` | string; `z.uuid()` with the logical type `uuid` | string |
 * | `z.number()` · `z.float32()` | double · float, which rounds | number |
 * | `z.int()`, `z.uint32()` · `z.int32()` | long · int | whole number, at most ±(2^53-1) |
 * | `z.bigint()`, `z.int64()` | long | bigint of 64 bits |
 * | `z.boolean()`, `z.null()` | boolean, null | the same |
 * | `z.date()` | long with `timestamp-millis` | `Date` |
 * | `z.instanceof(Uint8Array)`, `z.instanceof(Buffer)` | bytes | a copy of its own |
 * | `z.literal` | string, long, double, boolean or null | one of its values |
 * | `z.enum` | enum; string where a value is no Avro name (`in-progress`) | one of its values |
 * | `z.array`, `z.record(z.string(), …)` | array, map | array, plain object |
 * | `z.object` | record, named by `.meta({ id })` or after its place | plain object |
 * | `z.discriminatedUnion` | union of records | the record, told by its tag |
 * | `z.union` of different types of JavaScript | union | the value itself, never wrapped |
 * | `.optional()`, `.nullable()`, `.nullish()` | union with null | undefined, null, either (null when read) |
 * | `.default()`, `.prefault()` | default of the field | read where the writer has no such field |
 * | `.readonly()`, `.brand()`, `.refine()`, `z.lazy`, recursion through objects | as without | |
 *
 * Names: `.meta({ id: 'com.acme.Order' })` must come last, since other methods of zod drop it; `aliases` beside it lists
 * former names, on a field former names of the field (`z.string().meta({ aliases: ['remark'] })`). A default is taken once,
 * when the codec is made. Values are what zod puts out, so a field with a default is there when it is sent.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE` with every place that has no Avro form, and what to use instead.
 */
export function avro<S extends z.ZodType>(schema: S): Codec<z.output<S>>;

/**
 * A codec from an Avro schema, as text or as JSON values, for records whose schema is not ours.
 *
 * Values are plain: numbers for int, long (at most ±(2^53-1)), float and double, `Uint8Array` for bytes and fixed, strings
 * for enums, null for null, plain objects for records and maps; unions are never wrapped. Logical types are published, and
 * compared with a writer's, but not applied: a `timestamp-millis` is a number of milliseconds. Every field must be there
 * when a record is written; defaults and aliases serve to read records of other writers.
 *
 * `T` is the caller's word for what the schema says; nothing checks it.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_INVALID` for what is no Avro schema or exceeds a limit;
 * `MILLRACE_SCHEMA_UNMAPPABLE` for a union whose values cannot be told apart without a wrapper.
 */
export function avro<T = unknown>(schema: string | AvroSchema): Codec<T>;

export function avro(schema: z.ZodType | string | AvroSchema): Codec<unknown> {
  if (schema instanceof z.core.$ZodType) return fromZod(schema);
  return fromAvro(typeof schema === 'string' && !isName(schema) ? schema : JSON.stringify(schema));
}

function fromZod(schema: z.core.$ZodType): Codec<unknown> {
  const type = avroTypeOf(schema);
  const text = publish(type);
  // Whatever exceeds the limits here, every reader would refuse.
  parseAvroSchema(text, { defaults: false });
  const name = 'name' in type ? type.name : '';
  return new AvroCodec(type, text, { refine: refineWith(schema, name), jsonForm: () => jsonFormOfZod(schema, type, name) });
}

function fromAvro(text: string): Codec<unknown> {
  const type = parseAvroSchema(text, { defaults: true });
  refuseAmbiguousUnions(type);
  return new AvroCodec(type, JSON.stringify(JSON.parse(text)), { jsonForm: (codec) => jsonFormOfAvro(type, codec) });
}

/** `avro('string')` means the type of that name, `avro('"string"')` is its JSON text. */
function isName(schema: string): boolean {
  return /^[A-Za-z_.0-9]+$/.test(schema);
}
