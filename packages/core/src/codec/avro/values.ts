/** Facts about values that both the compiled code and the slow explanation ask for. */
import type { Absence, ValueKind } from './schema.js';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A bigint that an Avro long holds. */
export function isInt64(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= INT64_MIN && value <= INT64_MAX;
}

/** A Date that says a time; its milliseconds are whole and within ±8.64e15. */
export function isValidDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

/** A number that a float holds, if rounded: what would become infinite is not one. */
export function isFloat(value: unknown): value is number {
  return typeof value === 'number' && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value));
}

/** An object that is nothing but its own members; a Map or a Date has what a map of Avro would lose. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** False for a string with half of a surrogate pair, which UTF-8 cannot carry: it would arrive as U+FFFD. */
export function isWellFormed(text: string): boolean {
  // In Node since 20, in TypeScript's library since ES2024.
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** True for the value that the null branch of a union stands for. */
export function isAbsent(absent: Absence, value: unknown): boolean {
  return absent === 'either' ? value == null : value === (absent === 'undefined' ? undefined : null);
}

/** True for a value of this kind. Dates, bytes and arrays are objects too, so a union asks for `object` last. */
export function isOfKind(kind: ValueKind, value: unknown): boolean {
  switch (kind) {
    case 'null':
      return value === null;
    case 'Date':
      return value instanceof Date;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === kind;
  }
}

/** Every object inherits a member of this name, so only one of its own counts. */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** A member of an object, its own where the name is one that every object inherits (`constructor`, `toString`). */
export function memberOf(value: unknown, name: string): unknown {
  if (isInherited(name) && !Object.hasOwn(value as object, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
