import { z } from 'zod';
import { pathKey, templatesOf, type TemplateMark } from '../pipeline/templates.js';
import type { PluginPlan } from './plan.js';
import { innermost, isOpen } from './zod-walk.js';

const HIDDEN = '***';

/** Values shorter than this are not looked for inside others: they stand there by chance. */
const TELLING = 6;

/**
 * Parameters as plain values for a log, a file or a terminal. Hidden are those whose schema has `.meta({ secret: true })`, and
 * those that the schema does not have: a misspelt secret is one still. In place of what came from a variable stands its template.
 */
export function printableParameters(schema: z.core.$ZodType, values: object): Readonly<Record<string, unknown>> {
  const marks = templatesOf(values);
  const printed = members(values, schema, 0);
  if (marks.size === 0) return printed;
  const topmost = new Set([...marks.keys()].map((key) => (JSON.parse(key) as string[])[0]));
  return Object.fromEntries(Object.entries(printed).map(([key, item]) => {
    if (!topmost.has(key)) return [key, item];
    const left = new Map([...marks].filter(([path]) => (JSON.parse(path) as string[])[0] === key));
    const shown = withTemplates(item, [key], left);
    // A schema that moves values about may have put one anywhere.
    return [key, left.size === 0 ? shown : HIDDEN];
  }));
}

/** The parameters of a plugin, which are made from its operator's and may hold what those have from variables. */
export function printablePlugin({ type, values }: PluginPlan, operator: object): Readonly<Record<string, unknown>> {
  const marks = [...templatesOf(operator).values()];
  const hide = (item: unknown): unknown => {
    if (Array.isArray(item)) return item.map(hide);
    if (typeof item === 'object' && item !== null) return Object.fromEntries(Object.entries(item).map(([key, member]) => [key, hide(member)]));
    const same = marks.find(({ value }) => value === item);
    if (same !== undefined) return same.template;
    return typeof item === 'string' && marks.some(({ value }) => typeof value === 'string' && value.length >= TELLING && item.includes(value)) ? HIDDEN : item;
  };
  return hide(printableParameters(type.parameters, values)) as Readonly<Record<string, unknown>>;
}

/** Puts templates where their values stand, and takes those that were found out of the map. */
function withTemplates(item: unknown, path: readonly string[], left: Map<string, TemplateMark>): unknown {
  if (Array.isArray(item)) return item.map((member, index) => withTemplates(member, [...path, String(index)], left));
  if (typeof item === 'object' && item !== null) return Object.fromEntries(Object.entries(item).map(([key, member]) => [key, withTemplates(member, [...path, key], left)]));
  const key = pathKey(path);
  const mark = left.get(key);
  left.delete(key);
  return mark === undefined || item === HIDDEN ? item : mark.template;
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
