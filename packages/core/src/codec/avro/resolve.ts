import type { BinaryDecoder } from './binary-decoder.js';
import { simpleName, titleOf, type AvroType, type EnumType, type Field, type Literal, type LogicalType, type PrimitiveType, type RecordType, type UnionType } from './schema.js';

/** What is done with the bytes of one type of the writer to get a value of the reader's. */
export type ReadPlan =
  | { readonly step: 'null'; readonly as: 'null' | 'undefined' }
  | { readonly step: 'primitive'; readonly read: PrimitiveRead; readonly allowed?: ReadonlySet<Literal> }
  | { readonly step: 'fixed'; readonly size: number }
  /** The reader's symbol for each index that the writer may write. */
  | { readonly step: 'enum'; readonly symbols: readonly string[] }
  | { readonly step: 'array'; readonly items: ReadPlan; readonly written: AvroType }
  | { readonly step: 'map'; readonly values: ReadPlan; readonly written: AvroType }
  | { readonly step: 'union'; readonly branches: readonly ReadPlan[] }
  | RecordPlan;

export interface RecordPlan {
  readonly step: 'record';
  readonly written: RecordType;
  readonly reader: RecordType;
  /** The writer's fields in its order: read for a field of the reader, or passed over. */
  readonly fields: ({ readonly plan: ReadPlan; readonly field: Field } | { readonly skip: AvroType })[];
}

type PrimitiveRead = { [K in keyof BinaryDecoder]: K extends `read${string}` ? (BinaryDecoder[K] extends () => unknown ? K : never) : never }[keyof BinaryDecoder];

export interface Resolution {
  readonly plan: ReadPlan;
  /** Why what is written cannot be read, each with its path; empty if it can. */
  readonly differences: readonly string[];
}

/**
 * How records of the writer's schema are read as the reader's (Avro specification, "Schema Resolution"): by names and
 * aliases, with promoted numbers and defaults.
 *
 * Stricter than the specification in that every branch that a writer's union may take must be readable, not only the ones
 * met; wider in that an enum can be read as a string, since a zod enum becomes one when it gains a value like `in-progress`,
 * and that names which were made up from a place need not be equal. Different logical types do not resolve to each other:
 * microseconds are no milliseconds.
 */
export function resolve(writer: AvroType, reader: AvroType, root: string): Resolution {
  const resolver = new Resolver();
  const plan = resolver.resolve(writer, reader, root);
  return { plan, differences: resolver.differences };
}

/** Stands where there is a difference; never compiled. */
const NO_PLAN: ReadPlan = { step: 'null', as: 'null' };

class Resolver {
  readonly differences: string[] = [];
  readonly #records = new Map<RecordType, Map<RecordType, RecordPlan>>();

  resolve(writer: AvroType, reader: AvroType, path: string, written = 'written'): ReadPlan {
    if (writer.kind === 'union') return { step: 'union', branches: writer.branches.map((branch) => this.resolve(branch, reader, path, 'may be written')) };
    if (reader.kind === 'union') return this.#intoUnion(writer, reader, path, written);
    const plan = this.#plan(writer, reader, path);
    if (plan === undefined) return this.#differ(path, `${written} as ${titleOf(writer)}, read as ${titleOf(reader)}`);
    return plan;
  }

  #differ(path: string, what: string): ReadPlan {
    this.differences.push(`${path}: ${what}`);
    return NO_PLAN;
  }

  #intoUnion(writer: Exclude<AvroType, UnionType>, reader: UnionType, path: string, written: string): ReadPlan {
    const branch = pick(writer, reader);
    if (branch === undefined) return this.#differ(path, `${written} as ${titleOf(writer)}, read as ${titleOf(reader)}`);
    if (branch.kind === 'null') return { step: 'null', as: reader.absent === 'undefined' ? 'undefined' : 'null' };
    return this.resolve(writer, branch, path, written);
  }

  /** Undefined where the two kinds have nothing to do with each other. */
  #plan(writer: Exclude<AvroType, UnionType>, reader: Exclude<AvroType, UnionType>, path: string): ReadPlan | undefined {
    switch (reader.kind) {
      case 'record':
        return writer.kind === 'record' ? this.#record(writer, reader, path) : undefined;
      case 'enum':
        return writer.kind === 'enum' ? this.#enum(writer, reader, path) : undefined;
      case 'fixed':
        if (writer.kind !== 'fixed') return undefined;
        if (writer.size !== reader.size) return this.#differ(path, `written with ${writer.size} bytes, read with ${reader.size}`);
        if (differ(writer.logical, reader.logical)) return undefined;
        return this.#named(writer, reader, path) ?? { step: 'fixed', size: writer.size };
      case 'array':
        return writer.kind === 'array' ? { step: 'array', items: this.resolve(writer.items, reader.items, `${path}[]`), written: writer.items } : undefined;
      case 'map':
        return writer.kind === 'map' ? { step: 'map', values: this.resolve(writer.values, reader.values, `${path}{}`), written: writer.values } : undefined;
      case 'null':
        return writer.kind === 'null' ? { step: 'null', as: 'null' } : undefined;
      default:
        return this.#primitive(writer, reader, path);
    }
  }

  /** The difference between two names, or undefined where they match. */
  #named(writer: { readonly name: string }, reader: NamedReader, path: string): ReadPlan | undefined {
    if (reader.unnamed === true || namesMatch(writer.name, reader)) return undefined;
    return this.#differ(path, `written as ${writer.name}, read as ${reader.name}; where it was renamed, give the reader the old name as an alias`);
  }

  #enum(writer: EnumType, reader: EnumType, path: string): ReadPlan {
    const unknown = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
    if (unknown.length > 0 && reader.fallback === undefined) return this.#differ(path, `the writer has the symbols ${unknown.slice(0, 5).join(', ')}${unknown.length > 5 ? ', …' : ''}, the reader has not`);
    return this.#named(writer, reader, path) ?? { step: 'enum', symbols: writer.symbols.map((symbol) => (reader.symbols.includes(symbol) ? symbol : (reader.fallback ?? symbol))) };
  }

  #primitive(writer: Exclude<AvroType, UnionType>, reader: PrimitiveType, path: string): ReadPlan | undefined {
    const allowed = reader.allowed === undefined ? {} : { allowed: reader.allowed };
    if (writer.kind === 'enum') {
      if (reader.kind !== 'string') return undefined;
      const unknown = writer.symbols.filter((symbol) => reader.allowed?.has(symbol) === false);
      if (unknown.length > 0) return this.#differ(path, `the writer has the symbols ${unknown.slice(0, 5).join(', ')}${unknown.length > 5 ? ', …' : ''}, the reader has not`);
      return { step: 'enum', symbols: writer.symbols };
    }
    if ('logical' in writer && differ(writer.logical, reader.logical)) return undefined;
    const read = readOf(writer.kind, reader);
    return read === undefined ? undefined : { step: 'primitive', read, ...allowed };
  }

  #record(writer: RecordType, reader: RecordType, path: string): ReadPlan {
    let plans = this.#records.get(writer);
    if (plans === undefined) this.#records.set(writer, (plans = new Map<RecordType, RecordPlan>()));
    const before = plans.get(reader);
    if (before !== undefined) return before;
    const plan: RecordPlan = { step: 'record', written: writer, reader, fields: [] };
    // Known before its fields are resolved, which may lead back here.
    plans.set(reader, plan);
    const mismatch = this.#named(writer, reader, path);
    if (mismatch !== undefined) return mismatch;
    const matches = matchFields(writer, reader);
    for (const written of writer.fields) {
      const field = matches.get(written);
      plan.fields.push(field === undefined ? { skip: written.type } : { field, plan: this.resolve(written.type, field.type, `${path}.${field.name}`) });
    }
    const matched = new Set(matches.values());
    for (const field of reader.fields) {
      if (!matched.has(field) && field.fallback === undefined) this.#differ(`${path}.${field.name}`, 'not written, and the reader has no default for it');
    }
    return plan;
  }
}

interface NamedReader {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly unnamed?: boolean;
}

/** By the name without namespace, as the specification asks for, so that a move to another namespace changes nothing. */
function namesMatch(written: string, reader: NamedReader): boolean {
  return [reader.name, ...reader.aliases].some((name) => simpleName(name) === simpleName(written));
}

/** The reader's field for each of the writer's: of the same name, else of one of the reader's aliases. */
function matchFields(writer: RecordType, reader: RecordType): ReadonlyMap<Field, Field> {
  const writtenByName = new Map(writer.fields.map((field) => [field.name, field]));
  const matches = new Map<Field, Field>();
  const unmatched: Field[] = [];
  for (const field of reader.fields) {
    const written = writtenByName.get(field.name);
    if (written === undefined) unmatched.push(field);
    else matches.set(written, field);
  }
  for (const field of unmatched) {
    for (const alias of field.aliases) {
      const written = writtenByName.get(alias);
      if (written === undefined || matches.has(written)) continue;
      matches.set(written, field);
      break;
    }
  }
  return matches;
}

/** The branch of the reader's union for what is written: the same type first, then by name, then one that it promotes to. */
function pick(writer: Exclude<AvroType, UnionType>, { branches }: UnionType): Exclude<AvroType, UnionType> | undefined {
  const all = branches as readonly Exclude<AvroType, UnionType>[];
  if ('name' in writer) {
    const same = all.filter((branch) => branch.kind === writer.kind) as (Exclude<AvroType, UnionType> & NamedReader)[];
    const found = same.find((branch) => branch.name === writer.name) ?? same.find((branch) => namesMatch(writer.name, branch)) ?? (same.length === 1 && same[0]?.unnamed === true ? same[0] : undefined);
    if (found !== undefined || writer.kind !== 'enum') return found;
    return all.find((branch) => branch.kind === 'string');
  }
  const exact = all.find((branch) => branch.kind === writer.kind && !('logical' in writer && 'logical' in branch && differ(writer.logical, branch.logical)));
  return exact ?? all.find((branch) => isPrimitive(branch) && readOf(writer.kind, branch) !== undefined);
}

/** The kind that is written, to the reads that give the reader's value of it. */
function readOf(written: AvroType['kind'], reader: PrimitiveType): PrimitiveRead | undefined {
  switch (reader.kind) {
    case 'null':
      return undefined;
    case 'boolean':
      return written === 'boolean' ? 'readBoolean' : undefined;
    case 'int':
      return written === 'int' ? 'readInt' : undefined;
    case 'long':
      if (written !== 'int' && written !== 'long') return undefined;
      if (reader.form === 'bigint') return 'readBigInt';
      if (reader.form === 'date') return 'readDate';
      return written === 'int' ? 'readInt' : 'readLong';
    case 'double':
      if (written === 'double') return 'readDouble';
      return readOf(written, { kind: 'float' });
    case 'float':
      if (written === 'float') return 'readFloat';
      if (written === 'long') return 'readLongInexactly';
      return written === 'int' ? 'readInt' : undefined;
    case 'bytes':
      if (written !== 'bytes' && written !== 'string') return undefined;
      return reader.form === 'buffer' ? 'readBuffer' : 'readBytes';
    case 'string':
      return written === 'string' || written === 'bytes' ? 'readString' : undefined;
  }
}

function isPrimitive(type: AvroType): type is PrimitiveType {
  return !('name' in type) && type.kind !== 'array' && type.kind !== 'map' && type.kind !== 'union';
}

/** True where both are there and say something else; a schema without one says nothing. */
function differ(writer: LogicalType | undefined, reader: LogicalType | undefined): boolean {
  if (writer === undefined || reader === undefined) return false;
  return writer.name !== reader.name || (writer.scale ?? 0) !== (reader.scale ?? 0);
}
