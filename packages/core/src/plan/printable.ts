import { z } from 'zod';
import { innermost, isOpen } from './zod-walk.js';

const HIDDEN = '***';

/**
 * Parameters as plain values for a log, a file or a terminal. Hidden are those whose schema has `.meta({ secret: true })`, and
 * those that the schema does not have: a misspelt secret is one still.
 */
export function printableParameters(schema: z.core.$ZodType, values: object): Readonly<Record<string, unknown>> {
  return members(values, schema, 0);
}

function members(value: object, schema: z.core.$ZodType | undefined, depth: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, isStray(schema, key) ? HIDDEN : printable(item, memberOf(schema, key), depth)]));
}

function printable(value: unknown, schema: z.core.$ZodType | undefined, depth: number): unknown {
  if (schema !== undefined && isSecret(schema)) return HIDDEN;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object') return typeof value === 'function' ? '[function]' : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp || value instanceof URL) return String(value);
  // Deep or circular values are not for reading.
  if (depth > 8) return '[…]';
  if (Array.isArray(value) || value instanceof Set) return [...(value as Iterable<unknown>)].map((item) => printable(item, elementOf(schema), depth + 1));
  if (value instanceof Map) return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, item]) => [printable(key, undefined, depth + 1), printable(item, undefined, depth + 1)]);
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: string } } | null;
  if (prototype !== null && prototype !== Object.prototype) return `[${prototype.constructor?.name ?? 'object'}]`;
  return members(value, schema, depth + 1);
}

/** Marked on the schema itself or on one that it wraps (`z.string().meta({ secret: true }).optional()`). */
function isSecret(schema: z.core.$ZodType): boolean {
  return z.globalRegistry.get(schema)?.['secret'] === true || z.globalRegistry.get(innermost(schema))?.['secret'] === true;
}

function isStray(schema: z.core.$ZodType | undefined, key: string): boolean {
  const inner = schema && innermost(schema);
  return inner instanceof z.ZodObject && !isOpen(inner) && !Object.hasOwn(inner.shape, key);
}

function memberOf(schema: z.core.$ZodType | undefined, key: string): z.core.$ZodType | undefined {
  const inner = schema && innermost(schema);
  if (inner instanceof z.ZodRecord) return inner.valueType;
  return inner instanceof z.ZodObject && Object.hasOwn(inner.shape, key) ? (inner.shape as Readonly<Record<string, z.core.$ZodType>>)[key] : undefined;
}

function elementOf(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  const inner = schema && innermost(schema);
  return inner instanceof z.ZodArray ? inner.element : undefined;
}
