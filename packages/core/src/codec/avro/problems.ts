import type { ValueProblem } from '../codec.js';
import { keyPath, memberPath, shorten } from '../value-problem.js';
import { branchOf } from './branch.js';
import { MAX_FREE_VALUES, MAX_VALUE_DEPTH } from './limits.js';
import { freeValuesOf } from './sizes.js';
import { valueKindOf, type AvroType, type Literal, type MapType, type PrimitiveType, type RecordType, type UnionType } from './schema.js';
import { isFloat, isInt64, isOfKind, isPlainObject, isValidDate, isWellFormed, memberOf } from './values.js';

/** As many as anybody reads; a list of a million wrong items would otherwise give a million of them. */
const MAX_PROBLEMS = 100;

/**
 * Where a value breaks a schema, and how: the slow and wordy twin of the compiled check. Both must agree, which a property
 * test holds them to.
 */
export function explain(type: AvroType, value: unknown): ValueProblem[] {
  const walk = new Walk();
  walk.visit(type, value, '', 0);
  return walk.problems;
}

class Walk {
  readonly problems: ValueProblem[] = [];

  visit(type: AvroType, value: unknown, path: string, depth: number): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    switch (type.kind) {
      case 'record':
        return this.#record(type, value, path, depth);
      case 'union':
        return this.#union(type, value, path, depth);
      case 'array': {
        if (!Array.isArray(value)) return this.#report(path, 'an array', value);
        const limit = maxFreeItems(type.items);
        if (value.length > limit) return this.#report(path, `an array of at most ${limit} items, since they take no byte`, value);
        for (let i = 0; i < value.length && this.problems.length < MAX_PROBLEMS; i++) this.visit(type.items, value[i], `${path}[${i}]`, depth);
        return;
      }
      case 'map':
        return this.#map(type, value, path, depth);
      case 'enum':
        return type.symbols.includes(value as string) ? undefined : this.#report(path, `one of ${list(type.symbols)}`, value);
      case 'fixed':
        return value instanceof Uint8Array && value.length === type.size ? undefined : this.#report(path, `a Uint8Array of ${type.size} bytes`, value);
      default:
        return this.#primitive(type, value, path);
    }
  }

  #record(type: RecordType, value: unknown, path: string, depth: number): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#report(path, `an object (${type.name})`, value);
    if (depth >= MAX_VALUE_DEPTH) return this.#report(path, `nested no deeper than ${MAX_VALUE_DEPTH} records`, value);
    for (const field of type.fields) this.visit(field.type, memberOf(value, field.name), memberPath(path, field.name), depth + 1);
  }

  #map({ values }: MapType, value: unknown, path: string, depth: number): void {
    if (!isPlainObject(value)) return this.#report(path, 'a plain object', value);
    for (const [key, item] of Object.entries(value)) {
      if (this.problems.length >= MAX_PROBLEMS) return;
      if (key === '__proto__') this.#report(keyPath(path, key), 'a key other than __proto__', key);
      else if (!isWellFormed(key)) this.#report(keyPath(path, key), 'a key without lone surrogates', key);
      else this.visit(values, item, keyPath(path, key), depth);
    }
  }

  #union(type: UnionType, value: unknown, path: string, depth: number): void {
    const branch = branchOf(type, value);
    if (branch !== undefined) return branch.kind === 'null' ? undefined : this.visit(branch, value, path, depth);
    if (type.tag !== undefined && isOfKind('object', value)) {
      const { key, cases } = type.tag;
      return this.#report(memberPath(path, key), `one of ${list([...cases.keys()])}`, memberOf(value, key));
    }
    const expected = type.branches.map((part) => (part.kind === 'null' ? absenceTitle(type) : (valueKindOf(part) ?? part.kind)));
    this.#report(path, [...new Set(expected)].join(' or '), value);
  }

  #primitive(type: PrimitiveType, value: unknown, path: string): void {
    if (!fits(type, value)) return this.#report(path, expectation(type, value), value);
    if (type.allowed !== undefined && !type.allowed.has(value as Literal)) this.#report(path, `one of ${list([...type.allowed])}`, value);
  }

  #report(path: string, expected: string, found: unknown): void {
    this.problems.push({ path, expected, found: shorten(found) });
  }
}

function fits(type: PrimitiveType, value: unknown): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'number' && value === (value | 0);
    case 'long':
      if (type.form === 'bigint') return isInt64(value);
      return type.form === 'date' ? isValidDate(value) : Number.isSafeInteger(value);
    case 'float':
      return isFloat(value);
    case 'double':
      return typeof value === 'number';
    case 'bytes':
      return type.form === 'buffer' ? Buffer.isBuffer(value) : value instanceof Uint8Array;
    case 'string':
      return typeof value === 'string' && isWellFormed(value);
  }
}

function expectation(type: PrimitiveType, value: unknown): string {
  switch (type.kind) {
    case 'null':
      return 'null';
    case 'boolean':
      return 'a boolean';
    case 'int':
      return 'a whole number of 32 bits';
    case 'long':
      if (type.form === 'bigint') return 'a bigint of 64 bits';
      return type.form === 'date' ? 'a valid Date' : 'a whole number within ±(2^53-1)';
    case 'float':
      return 'a number within the range of a float';
    case 'double':
      return 'a number';
    case 'bytes':
      return type.form === 'buffer' ? 'a Buffer' : 'a Uint8Array';
    case 'string':
      return typeof value === 'string' ? 'a string without lone surrogates' : 'a string';
  }
}

function absenceTitle(type: UnionType): string {
  return type.absent === 'either' ? 'null or undefined' : type.absent;
}

function list(values: readonly Literal[]): string {
  const shown = values.slice(0, 10).map((value) => shorten(value));
  return values.length > 10 ? `${shown.join(', ')}, …` : shown.join(', ');
}

/** How many items an array may have for its items' sake; only of such that take no byte the count is limited. */
export function maxFreeItems(items: AvroType): number {
  const free = freeValuesOf(items);
  return free === undefined ? Number.POSITIVE_INFINITY : Math.floor(MAX_FREE_VALUES / free);
}
