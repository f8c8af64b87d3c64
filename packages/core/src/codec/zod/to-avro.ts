import type { z } from 'zod';
import { MillraceError } from '../../error/index.js';
import { leadWithDefault } from '../avro/defaults.js';
import { isFieldName, isFullName, isSimpleName, qualify } from '../avro/names.js';
import { explain } from '../avro/problems.js';
import { namespaceOf, type AvroType, type EnumType, type Field, type Literal, type RecordType, type UnionType } from '../avro/schema.js';
import { noForm } from './advice.js';
import { defaultOf, formatOf, isExactOptional, metadataOf, schemaOf, unwrapped, type Schema } from './inspect.js';
import { withAbsence, withoutUndefined, joinBranches } from './unions.js';

/**
 * The Avro type whose values are exactly the output of a zod schema.
 *
 * Values never take Avro's shape: unions are never wrapped, `.optional()` is `undefined`, `z.bigint()` and `z.int64()` are
 * bigints, dates are `Date`, bytes are `Uint8Array`. Records and enums are named by `.meta({ id })`, or after the place
 * where they first stand.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_UNMAPPABLE` with every place that has no Avro form, and what to use instead.
 */
export function avroTypeOf(schema: z.core.$ZodType): AvroType {
  const mapper = new Mapper();
  const type = mapper.map(schema);
  if (mapper.problems.length > 0) throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `this zod schema has no Avro form:\n${mapper.problems.map((problem) => `  - ${problem}`).join('\n')}`);
  return type;
}

/** Where the mapper is in the zod schema. */
interface Place {
  /** For messages: `com.acme.Order.items[].price`. */
  readonly path: string;
  /** The name that a record or enum here gets if it has none, or undefined where nothing around it has one. */
  readonly name: string | undefined;
  readonly namespace: string;
}

/** Stands where a problem was found, so that the search for more can go on. */
const BROKEN: AvroType = { kind: 'null' };

class Mapper {
  readonly problems: string[] = [];
  readonly #named = new Map<z.core.$ZodType, RecordType | EnumType>();
  readonly #names = new Set<string>();
  /** What is being mapped further up. Only a named type may be met again within itself. */
  readonly #open = new Set<z.core.$ZodType>();

  map(root: z.core.$ZodType): AvroType {
    return this.#visit(root, { path: metadataOf(root).id ?? 'value', name: undefined, namespace: '' });
  }

  #fail({ path }: Place, what: string): AvroType {
    this.problems.push(`${path}: ${what}`);
    return BROKEN;
  }

  #visit(schema: z.core.$ZodType, place: Place): AvroType {
    const named = this.#named.get(schema);
    if (named !== undefined) return named;
    if (this.#open.has(schema)) return this.#fail(place, 'a schema that contains itself needs a z.object on the way');
    this.#open.add(schema);
    try {
      return this.#map(schemaOf(schema), place);
    } finally {
      this.#open.delete(schema);
    }
  }

  #map(schema: Schema, place: Place): AvroType {
    const { def } = schema._zod;
    switch (def.type) {
      case 'string': {
        const format = formatOf(schema);
        return format === 'uuid' || format === 'guid' ? { kind: 'string', logical: { name: 'uuid' } } : { kind: 'string' };
      }
      case 'template_literal':
        return { kind: 'string' };
      case 'boolean':
      case 'null':
        return { kind: def.type };
      case 'number':
        return numberOf(formatOf(schema));
      case 'bigint':
        return formatOf(schema) === 'uint64' ? this.#fail(place, "uint64 exceeds Avro's signed long; use z.int64() or z.string()") : { kind: 'long', form: 'bigint' };
      case 'date':
        return { kind: 'long', logical: { name: 'timestamp-millis' }, form: 'date' };
      case 'custom':
        return this.#instance(schema, place);
      case 'literal':
        return this.#literal(def.values, place);
      case 'enum':
        return this.#enum(schema, Object.values(def.entries), place);
      case 'array':
        return { kind: 'array', items: this.#visit(def.element, within(place, '[]', 'item')) };
      case 'record':
        return this.#record(def, place);
      case 'object':
        return this.#object(schema, def, place);
      case 'optional':
        return withAbsence(this.#visit(def.innerType, place), 'undefined');
      case 'nullable':
        return withAbsence(this.#visit(def.innerType, place), 'null');
      case 'nonoptional':
        return withoutUndefined(this.#visit(def.innerType, place));
      case 'default':
      case 'prefault':
        return withoutUndefined(this.#visit(def.innerType, place));
      case 'readonly':
        return this.#visit(def.innerType, place);
      case 'lazy':
        return this.#visit(def.getter(), place);
      case 'union':
        return 'discriminator' in def && typeof def.discriminator === 'string' ? this.#tagged(def.options, def.discriminator, place) : this.#union(def.options, place);
      default:
        return this.#fail(place, noForm('Avro', def.type));
    }
  }

  #instance(schema: Schema, place: Place): AvroType {
    const { Class } = schema._zod.bag as { readonly Class?: { readonly name: string } };
    if (Class === Uint8Array) return { kind: 'bytes' };
    if (Class === Buffer) return { kind: 'bytes', form: 'buffer' };
    return this.#fail(place, `${Class === undefined ? 'z.custom' : `z.instanceof(${Class.name})`} has no Avro form; use z.instanceof(Uint8Array) for bytes`);
  }

  #literal(values: readonly Literal[], place: Place): AvroType {
    const kinds = new Set(values.map((value) => (value === null ? 'null' : typeof value)));
    const [kind] = kinds;
    if (kinds.size > 1) return this.#fail(place, 'a literal of several types has no Avro form; use z.union of literals');
    const allowed = new Set(values);
    switch (kind) {
      case 'null':
        return { kind };
      case 'string':
      case 'boolean':
        return { kind, allowed };
      case 'bigint':
        return { kind: 'long', form: 'bigint', allowed };
      case 'number':
        return { kind: values.every(Number.isSafeInteger) ? 'long' : 'double', allowed };
      default:
        return this.#fail(place, 'z.literal(undefined) has no Avro form; use .optional()');
    }
  }

  /** An Avro enum where every value is a name; otherwise a string, which is all that Avro has for the others. */
  #enum(schema: Schema, values: readonly (string | number)[], place: Place): AvroType {
    const texts = values.filter((value) => typeof value === 'string');
    if (texts.length < values.length) return this.#fail(place, 'an enum of numbers has no Avro form; give its members strings');
    const symbols = [...new Set(texts)];
    if (!symbols.every(isSimpleName)) return { kind: 'string', allowed: new Set(symbols) };
    const type: EnumType = { kind: 'enum', ...this.#name(schema, place), symbols };
    this.#named.set(schema, type);
    return type;
  }

  #record(def: z.core.$ZodRecordDef, place: Place): AvroType {
    const { def: key, values } = schemaOf(def.keyType)._zod;
    if (key.type !== 'string' && key.type !== 'template_literal') return this.#fail(place, values === undefined ? 'the keys of z.record must be strings' : 'z.record with a list of keys has no Avro form; use z.object');
    return { kind: 'map', values: this.#visit(def.valueType, within(place, '{}', 'item')) };
  }

  #object(schema: Schema, def: z.core.$ZodObjectDef, place: Place): AvroType {
    if (def.catchall !== undefined && schemaOf(def.catchall)._zod.def.type !== 'never') this.#fail(place, 'z.looseObject and catchall have no Avro form; use z.record for the rest');
    const fields: Field[] = [];
    const type: RecordType = { kind: 'record', ...this.#name(schema, place), fields };
    this.#named.set(schema, type);
    for (const [key, member] of Object.entries(def.shape)) {
      const path = `${place.path}.${key}`;
      if (!isFieldName(key)) this.#fail({ ...place, path }, 'the name of a field has letters, digits and _ only, no digit first, and is not __proto__');
      fields.push(this.#field(key, member, { path, name: `${type.name}_${key}`, namespace: namespaceOf(type.name) }));
    }
    return type;
  }

  #field(name: string, schema: z.core.$ZodType, place: Place): Field {
    const before = this.problems.length;
    const type = this.#visit(schema, place);
    const { aliases, doc } = fieldMetadata(schema);
    const wrong = aliases.find((alias) => !isFieldName(alias));
    if (wrong !== undefined) this.#fail(place, `the alias ${JSON.stringify(wrong)} is no name of a field`);
    const field = { name, aliases, ...(doc === undefined ? {} : { doc }), type, ...(isExactOptional(schema) ? { omitted: true } : {}) };
    // What a broken type makes of a default would only add to what is said already.
    if (this.problems.length > before) return field;
    const fallback = this.#default(schema, type, place);
    if (fallback === undefined) return field;
    return { ...field, type: type.kind === 'union' ? leadWithDefault(type, fallback.value) : type, fallback };
  }

  #default(schema: z.core.$ZodType, type: AvroType, place: Place): { readonly value: unknown } | undefined {
    let fallback: { readonly value: unknown } | undefined;
    try {
      fallback = defaultOf(schema);
    } catch (error) {
      this.#fail(place, `its default cannot be made: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
    if (fallback === undefined) return undefined;
    // A record that is still open lacks fields; what its default lacks then, decoding would show.
    const [problem] = explain(type, fallback.value);
    if (problem === undefined) return fallback;
    this.#fail(place, `its default is of another type: ${problem.path === '' ? '' : `${problem.path} `}must be ${problem.expected}, not ${problem.found}`);
    return undefined;
  }

  #union(options: readonly z.core.$ZodType[], place: Place): AvroType {
    const before = this.problems.length;
    const branches = options.map((option, index) => this.#visit(option, within(place, `<${index}>`, String(index))));
    const joined = joinBranches(branches.filter((branch) => branch !== BROKEN));
    if (typeof joined !== 'string') return joined;
    // A branch that is broken may have been the one that makes the difference.
    return this.problems.length > before ? BROKEN : this.#fail(place, joined);
  }

  #tagged(options: readonly z.core.$ZodType[], key: string, place: Place): AvroType {
    const cases = new Map<Literal, RecordType>();
    const branches: RecordType[] = [];
    for (const option of options) {
      const values = [...(option._zod.propValues?.[key] ?? [])];
      const title = String(values[0]);
      const branch = this.#visit(option, within(place, `<${title}>`, title.replace(/[^A-Za-z0-9_]/g, '_')));
      if (branch === BROKEN) continue;
      if (branch.kind !== 'record') return this.#fail(place, 'the options of z.discriminatedUnion must be objects');
      if (!branches.includes(branch)) branches.push(branch);
      for (const value of values) if (typeof value !== 'symbol') cases.set(value, branch);
    }
    const union: UnionType = { kind: 'union', branches, absent: 'null', tag: { key, cases } };
    return union;
  }

  /** The name that a record or enum is published under, with its problems. */
  #name(schema: Schema, place: Place): { readonly name: string; readonly aliases: readonly string[]; readonly doc?: string; readonly unnamed?: boolean } {
    const { id, doc, aliases } = metadataOf(schema);
    if (id === undefined && place.name === undefined) this.#fail(place, 'needs a name, .meta({ id: "com.acme.Order" }), by which readers match it; put it last, since other methods drop it');
    const name = id === undefined ? (place.name ?? 'value') : qualify(id, place.namespace);
    const isName: boolean = isFullName(name);
    if (!isName) this.#fail(place, `"${name}" is no Avro name (letters, digits and _ between dots); set .meta({ id })`);
    else if (this.#names.has(name)) this.#fail(place, `two different schemas are named "${name}"; give each its own .meta({ id })`);
    this.#names.add(name);
    const wrong = aliases.find((alias) => !isFullName(alias));
    if (wrong !== undefined) this.#fail(place, `the alias ${JSON.stringify(wrong)} is no Avro name`);
    return { name, aliases, ...(doc === undefined ? {} : { doc }), ...(id === undefined ? { unnamed: true } : {}) };
  }
}

/** One step further into a schema that has no name of its own. */
function within(place: Place, mark: string, suffix: string): Place {
  return { ...place, path: `${place.path}${mark}`, name: place.name === undefined ? undefined : `${place.name}_${suffix}` };
}

function numberOf(format: string | undefined): AvroType {
  switch (format) {
    case 'safeint':
    case 'uint32':
      return { kind: 'long' };
    case 'int32':
      return { kind: 'int' };
    case 'float32':
      return { kind: 'float' };
    default:
      return { kind: 'double' };
  }
}

/**
 * The doc and the aliases of a field: those of its schema or of the first one under its wrappers that has any. Those of a
 * named type are the type's own.
 */
function fieldMetadata(schema: z.core.$ZodType): { readonly aliases: readonly string[]; readonly doc?: string } {
  const visited = new Set<z.core.$ZodType>();
  for (let part: z.core.$ZodType | undefined = schema; part !== undefined && !visited.has(part); part = unwrapped(part)) {
    visited.add(part);
    const { type } = schemaOf(part)._zod.def;
    if (type === 'object' || type === 'enum') break;
    const { doc, aliases } = metadataOf(part);
    if (doc !== undefined || aliases.length > 0) return { aliases, ...(doc === undefined ? {} : { doc }) };
  }
  return { aliases: [] };
}
