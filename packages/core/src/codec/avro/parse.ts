import { MillraceError } from '../../error/index.js';
import { valueOfDefault } from './defaults.js';
import { MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES } from './limits.js';
import { isFieldName, isFullName, isSimpleName, qualify } from './names.js';
import { namespaceOf, type AvroType, type EnumType, type Field, type FixedType, type LogicalType, type PrimitiveKind, type RecordType } from './schema.js';

/** What `JSON.parse` gives. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** An Avro schema as JSON values: a name, a union as an array, or an object with `type`. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly type: AvroSchema; readonly [attribute: string]: unknown };

export interface ParseOptions {
  /**
   * Check and keep the defaults of fields. Only a reader's defaults mean anything, so those of a writer are not looked at.
   */
  readonly defaults: boolean;
}

/**
 * Reads the text of an Avro schema (Avro specification, "Schema Declaration") and checks all of it against the limits of
 * `limits.ts`, so that whatever comes out may be compiled.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_INVALID`, with the place in the schema.
 */
export function parseAvroSchema(text: string, options: ParseOptions): AvroType {
  return new SchemaParser(options).parse(text);
}

const PRIMITIVES: ReadonlySet<string> = new Set<PrimitiveKind>(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string']);

type Attributes = Readonly<Record<string, Json>>;

/** Where the parser is: the enclosing namespace, how deep, and the path for messages. */
interface Place {
  readonly namespace: string;
  readonly depth: number;
  readonly path: string;
}

interface Known {
  readonly type: RecordType | EnumType | FixedType;
  /** How deep the type itself goes, once it is complete. */
  height: number;
}

class SchemaParser {
  readonly #named = new Map<string, Known>();
  readonly #keepDefaults: boolean;
  readonly #pending: (() => void)[] = [];
  #nodes = 0;
  #height = 0;

  constructor({ defaults }: ParseOptions) {
    this.#keepDefaults = defaults;
  }

  parse(text: string): AvroType {
    // What comes out of a fact of another process has been told to be a text by nobody but that process.
    if (typeof text !== 'string') throw invalid('', 'is no text');
    // A character is at least a byte: what is far too long is not even counted.
    if (text.length > MAX_SCHEMA_BYTES || Buffer.byteLength(text) > MAX_SCHEMA_BYTES) throw invalid('', `is longer than ${MAX_SCHEMA_BYTES} bytes`);
    let json: Json;
    try {
      json = JSON.parse(text) as Json;
    } catch (cause) {
      throw invalid('', 'is not JSON', cause);
    }
    const type = this.#type(json, { namespace: '', depth: 1, path: '' });
    // Only now is every named type complete, and a default may be of any of them.
    for (const check of this.#pending) check();
    return type;
  }

  #type(json: Json, place: Place): AvroType {
    if (++this.#nodes > MAX_SCHEMA_NODES) throw invalid(place.path, `has more than ${MAX_SCHEMA_NODES} parts`);
    this.#reach(place.depth, place.path);
    if (typeof json === 'string') return this.#reference(json, place);
    if (isList(json)) return this.#union(json, place);
    if (!isObject(json)) throw invalid(place.path, `is ${JSON.stringify(json)}, neither a name nor an object nor an array`);
    const kind = json['type'];
    if (typeof kind !== 'string') throw invalid(place.path, 'has no "type" that is a string');
    switch (kind) {
      case 'record':
      case 'error':
        return this.#record(json, place);
      case 'enum':
        return this.#enum(json, place);
      case 'fixed':
        return this.#fixed(json, place);
      case 'array':
        return { kind, items: this.#part(json, 'items', place, '[]') };
      case 'map':
        return { kind, values: this.#part(json, 'values', place, '{}') };
      default: {
        const type = this.#reference(kind, place);
        const logical = logicalOf(json);
        return logical !== undefined && isPrimitive(type.kind) ? { ...type, kind: type.kind, logical } : type;
      }
    }
  }

  #part(json: Attributes, key: 'items' | 'values', place: Place, mark: string): AvroType {
    const part = json[key];
    if (part === undefined) throw invalid(place.path, `has no "${key}"`);
    return this.#type(part, { ...place, depth: place.depth + 1, path: place.path + mark });
  }

  #reference(name: string, { namespace, depth, path }: Place): AvroType {
    if (isPrimitive(name)) return { kind: name };
    const known = this.#named.get(qualify(name, namespace)) ?? this.#named.get(name);
    if (known === undefined) throw invalid(path, `names the unknown type ${shorten(name)}`);
    this.#reach(depth + known.height, path);
    return known.type;
  }

  #union(json: readonly Json[], place: Place): AvroType {
    if (json.length === 0) throw invalid(place.path, 'is a union of nothing');
    const seen = new Set<string>();
    const branches = json.map((part, index) => {
      const branch = this.#type(part, { ...place, depth: place.depth + 1, path: `${place.path}<${index}>` });
      if (branch.kind === 'union') throw invalid(place.path, 'has a union directly within a union');
      const id = 'name' in branch ? branch.name : branch.kind;
      if (seen.has(id)) throw invalid(place.path, `has ${id} twice in one union`);
      seen.add(id);
      return branch;
    });
    return { kind: 'union', branches, absent: 'null' };
  }

  #record(json: Attributes, place: Place): RecordType {
    const names = namesOf(json, place);
    const fields: Field[] = [];
    const type: RecordType = { kind: 'record', ...names, ...docOf(json), fields };
    const list = json['fields'];
    if (!isList(list)) throw invalid(names.name, 'has no array of "fields"');
    this.#define(type, place, () => {
      const inner: Place = { namespace: namespaceOf(names.name), depth: place.depth + 1, path: names.name };
      const seen = new Set<string>();
      for (const part of list) {
        const field = this.#field(part, inner);
        if (seen.has(field.name)) throw invalid(names.name, `has the field ${field.name} twice`);
        seen.add(field.name);
        fields.push(field);
      }
    });
    return type;
  }

  #field(json: Json, place: Place): Field {
    if (++this.#nodes > MAX_SCHEMA_NODES) throw invalid(place.path, `has more than ${MAX_SCHEMA_NODES} parts`);
    if (!isObject(json)) throw invalid(place.path, 'has a field that is no object');
    const name = json['name'];
    if (!isFieldName(name)) throw invalid(place.path, `has a field of the name ${shorten(name)}, which no field can have`);
    const path = `${place.path}.${name}`;
    const part = json['type'];
    if (part === undefined) throw invalid(path, 'has no "type"');
    const field: Field = { name, aliases: this.#aliases(json, path, isFieldName), ...docOf(json), type: this.#type(part, { ...place, path }) };
    const fallback = json['default'];
    if (fallback === undefined || !this.#keepDefaults) return field;
    const kept: { value: unknown } = { value: undefined };
    this.#pending.push(() => {
      kept.value = valueOfDefault(field.type, fallback, path);
    });
    return { ...field, fallback: kept };
  }

  #enum(json: Attributes, place: Place): EnumType {
    const names = namesOf(json, place);
    const symbols = json['symbols'];
    if (!isList(symbols) || symbols.length === 0) throw invalid(names.name, 'has no "symbols"');
    if ((this.#nodes += symbols.length) > MAX_SCHEMA_NODES) throw invalid(names.name, `has more than ${MAX_SCHEMA_NODES} parts`);
    const wrong = symbols.find((symbol) => !isSimpleName(symbol));
    if (wrong !== undefined) throw invalid(names.name, `has the symbol ${shorten(wrong)}, which is no Avro name`);
    if (new Set(symbols).size < symbols.length) throw invalid(names.name, 'has a symbol twice');
    const fallback = json['default'];
    if (fallback !== undefined && (typeof fallback !== 'string' || !symbols.includes(fallback))) throw invalid(names.name, `has the default ${shorten(fallback)}, which is none of its symbols`);
    const type: EnumType = { kind: 'enum', ...names, ...docOf(json), symbols: symbols as readonly string[], ...(fallback === undefined ? {} : { fallback }) };
    this.#define(type, place);
    return type;
  }

  #fixed(json: Attributes, place: Place): FixedType {
    const names = namesOf(json, place);
    const size = json['size'];
    if (typeof size !== 'number' || size < 0 || size !== (size | 0)) throw invalid(names.name, `has the size ${shorten(size)}, which is no whole number of bytes`);
    const logical = logicalOf(json);
    const type: FixedType = { kind: 'fixed', ...names, ...docOf(json), size, ...(logical === undefined ? {} : { logical }) };
    this.#define(type, place);
    return type;
  }

  /** Makes the type known before its fields are read, so that they may refer to it. */
  #define(type: RecordType | EnumType | FixedType, place: Place, fill?: () => void): void {
    if (this.#named.has(type.name)) throw invalid(type.name, 'is defined twice');
    this.#nodes += type.aliases.length;
    const known: Known = { type, height: 0 };
    this.#named.set(type.name, known);
    const outer = this.#height;
    this.#height = place.depth;
    fill?.();
    known.height = this.#height - place.depth;
    this.#height = Math.max(outer, this.#height);
  }

  #reach(depth: number, path: string): void {
    if (depth > MAX_SCHEMA_DEPTH) throw invalid(path, `nests more than ${MAX_SCHEMA_DEPTH} types`);
    this.#height = Math.max(this.#height, depth);
  }

  #aliases(json: Attributes, path: string, isName: (text: unknown) => text is string): readonly string[] {
    const aliases = json['aliases'];
    if (aliases === undefined) return [];
    if (!isList(aliases) || !aliases.every(isName)) throw invalid(path, `has the aliases ${shorten(aliases)}, which are no Avro names`);
    this.#nodes += aliases.length;
    return aliases;
  }
}

function namesOf(json: Attributes, place: Place): { readonly name: string; readonly aliases: readonly string[] } {
  const { name, namespace, aliases } = json;
  if (!isFullName(name)) throw invalid(place.path, `has the name ${shorten(name)}, which is no Avro name`);
  if (namespace !== undefined && namespace !== '' && !isFullName(namespace)) throw invalid(place.path, `has the namespace ${shorten(namespace)}, which is no Avro name`);
  const full = qualify(name, namespace ?? place.namespace);
  if (!isFullName(full)) throw invalid(place.path, `has the name ${shorten(full)}, which is too long`);
  if (isPrimitive(full)) throw invalid(place.path, `redefines ${full}`);
  if (aliases === undefined) return { name: full, aliases: [] };
  if (!isList(aliases) || !aliases.every(isFullName)) throw invalid(full, `has the aliases ${shorten(aliases)}, which are no Avro names`);
  return { name: full, aliases: aliases.map((alias) => qualify(alias, namespaceOf(full))) };
}

/** A logical type that is not well formed is ignored, as the specification asks for. */
function logicalOf(json: Attributes): LogicalType | undefined {
  const { logicalType: name, precision, scale } = json;
  if (typeof name !== 'string' || name.length > 64) return undefined;
  return { name, ...(typeof precision === 'number' ? { precision } : {}), ...(typeof scale === 'number' ? { scale } : {}) };
}

function docOf(json: Attributes): { readonly doc?: string } {
  const doc = json['doc'];
  return typeof doc === 'string' ? { doc } : {};
}

function isPrimitive(name: string): name is PrimitiveKind {
  return PRIMITIVES.has(name);
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

function isObject(json: Json): json is Attributes {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function shorten(json: Json | undefined): string {
  const text = json === undefined ? 'undefined' : JSON.stringify(json);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function invalid(path: string, what: string, cause?: unknown): MillraceError {
  const place = path.length > 200 ? `…${path.slice(-199)}` : path;
  return new MillraceError('MILLRACE_SCHEMA_INVALID', `the Avro schema${place === '' ? '' : ` at ${place}`} ${what}`, { cause });
}
