/**
 * The model of an Avro schema: a tree of types in which named types are shared, so recursion is a cycle of objects.
 *
 * A type says two things: what stands on the wire, and which JavaScript value that is. The second matters only for a schema
 * that we read into or write from; of a foreign writer's schema only the first is used.
 */

/** A value that a literal schema of zod allows. */
export type Literal = string | number | bigint | boolean | null | undefined;

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** An annotation that is outside the Parsing Canonical Form, and so outside the fingerprint. */
export interface LogicalType {
  readonly name: string;
  readonly precision?: number;
  readonly scale?: number;
}

export interface PrimitiveType {
  readonly kind: PrimitiveKind;
  readonly logical?: LogicalType;
  /** Where the value is not the plain one: a long as `bigint` or `Date`, bytes as `Buffer` instead of `Uint8Array`. */
  readonly form?: 'bigint' | 'date' | 'buffer';
  /** The only values that there may be, where the schema is a literal or an enum whose values are no Avro names. */
  readonly allowed?: ReadonlySet<Literal>;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly items: AvroType;
}

export interface MapType {
  readonly kind: 'map';
  readonly values: AvroType;
}

/** What stands for the null branch of a union in JavaScript; `either` takes both and reads as null. */
export type Absence = 'null' | 'undefined' | 'either';

export interface UnionType {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
  readonly absent: Absence;
  /** How records are told apart: by the value of this member. */
  readonly tag?: { readonly key: string; readonly cases: ReadonlyMap<Literal, RecordType> };
}

interface NamedType {
  /** With its namespace: `com.acme.Order`. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly doc?: string;
  /** The name was made up from the place in a zod schema: nobody relies on it, so a writer's may differ. */
  readonly unnamed?: boolean;
}

export interface RecordType extends NamedType {
  readonly kind: 'record';
  /** Filled after the type exists, so that fields can refer to it. */
  readonly fields: Field[];
}

export interface EnumType extends NamedType {
  readonly kind: 'enum';
  readonly symbols: readonly string[];
  /** Read for a symbol of the writer that is not among ours. */
  readonly fallback?: string;
}

export interface FixedType extends NamedType {
  readonly kind: 'fixed';
  /** Bytes. */
  readonly size: number;
  readonly logical?: LogicalType;
}

export interface Field {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly doc?: string;
  readonly type: AvroType;
  /** What is read where the writer has no such field, as a value of JavaScript. */
  readonly fallback?: { readonly value: unknown };
  /** `exactOptional()` of zod: the key is left out where the value is undefined. */
  readonly omitted?: boolean;
}

export type AvroType = PrimitiveType | ArrayType | MapType | UnionType | RecordType | EnumType | FixedType;

/** The name without its namespace, by which the Avro specification matches a writer's type to a reader's. */
export function simpleName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** The namespace of a full name; empty for none. */
export function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}

/** What a type is called in messages: its name, or its kind. */
export function titleOf(type: AvroType): string {
  switch (type.kind) {
    case 'record':
    case 'enum':
    case 'fixed':
      return `${type.kind} ${type.name}`;
    case 'union':
      return `a union of ${type.branches.map(titleOf).join(', ')}`;
    case 'array':
      return `array of ${titleOf(type.items)}`;
    case 'map':
      return `map of ${titleOf(type.values)}`;
    default:
      return type.logical === undefined ? type.kind : `${type.kind} (${logicalTitle(type.logical)})`;
  }
}

function logicalTitle({ name, precision, scale }: LogicalType): string {
  return precision === undefined ? name : `${name} of ${precision} digits, ${scale ?? 0} of them behind the point`;
}

/**
 * The kind of a JavaScript value, by which the branch of a union is chosen when it is written. Two branches of one kind cannot be
 * told apart without a tag.
 */
export type ValueKind = 'null' | 'boolean' | 'number' | 'bigint' | 'string' | 'Date' | 'bytes' | 'array' | 'object';

/** The kind of value that a type is in JavaScript; undefined for a union, which has several. */
export function valueKindOf(type: AvroType): ValueKind | undefined {
  switch (type.kind) {
    case 'union':
      return undefined;
    case 'null':
    case 'boolean':
    case 'string':
    case 'array':
      return type.kind;
    case 'int':
    case 'float':
    case 'double':
      return 'number';
    case 'long':
      return type.form === 'bigint' ? 'bigint' : type.form === 'date' ? 'Date' : 'number';
    case 'bytes':
    case 'fixed':
      return 'bytes';
    case 'enum':
      return 'string';
    case 'record':
    case 'map':
      return 'object';
  }
}
