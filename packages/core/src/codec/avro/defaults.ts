import { MillraceError } from '../../error/index.js';
import { branchOf } from './branch.js';
import { MAX_SCHEMA_DEPTH } from './limits.js';
import type { Json } from './parse.js';
import { explain } from './problems.js';
import type { AvroType, UnionType } from './schema.js';
import { memberOf } from './values.js';

/**
 * The value of JavaScript that the default of a field in an Avro schema stands for. Bytes stand in JSON as a string of the
 * characters U+0000 to U+00FF; of a union any branch may match (Avro 1.12; earlier ones: the first), the earliest wins.
 *
 * @throws MillraceError `MILLRACE_SCHEMA_INVALID` where the default is not of the field's type.
 */
export function valueOfDefault(type: AvroType, json: Json, path: string): unknown {
  const value = convert(type, json, MAX_SCHEMA_DEPTH);
  if (value === MISFIT || explain(type, value).length > 0) throw new MillraceError('MILLRACE_SCHEMA_INVALID', `the Avro schema at ${path} has the default ${shorten(json)}, which is not of the field's type`);
  return value;
}

/** Marks a default that is not of its type; no value of a default is a symbol. */
const MISFIT = Symbol('misfit');

function convert(type: AvroType, json: Json, depth: number): unknown {
  if (depth === 0) return MISFIT;
  switch (type.kind) {
    case 'union': {
      for (const branch of type.branches) {
        const value = convert(branch, json, depth - 1);
        if (value !== MISFIT && explain(branch, value).length === 0) return value;
      }
      return MISFIT;
    }
    case 'array': {
      if (!isList(json)) return MISFIT;
      const items = json.map((item) => convert(type.items, item, depth - 1));
      return items.includes(MISFIT) ? MISFIT : items;
    }
    case 'map': {
      if (!isObject(json)) return MISFIT;
      const entries = Object.entries(json).map(([key, item]) => [key, convert(type.values, item, depth - 1)] as const);
      return entries.some(([key, value]) => value === MISFIT || key === '__proto__') ? MISFIT : Object.fromEntries(entries);
    }
    case 'record': {
      if (!isObject(json)) return MISFIT;
      const entries = type.fields.map((field) => {
        const member = Object.hasOwn(json, field.name) ? json[field.name] : undefined;
        if (member !== undefined) return [field.name, convert(field.type, member, depth - 1)] as const;
        return [field.name, field.fallback === undefined ? MISFIT : field.fallback.value] as const;
      });
      return entries.some(([, value]) => value === MISFIT) ? MISFIT : Object.fromEntries(entries);
    }
    case 'bytes':
    case 'fixed':
      return typeof json === 'string' && /^[\0-\xff]*$/.test(json) ? Uint8Array.from(Buffer.from(json, 'latin1')) : MISFIT;
    default:
      return json;
  }
}

/**
 * The default as it stands in a published schema, or undefined where no Avro schema can say it: a number beyond what JSON
 * carries exactly, or a value of a union that is not of the first branch. Our own readers apply such a default all the same.
 */
export function jsonOfDefault(type: AvroType, value: unknown): Json | undefined {
  switch (type.kind) {
    case 'union': {
      const branch = branchOf(type, value);
      if (branch === undefined || branch !== type.branches[0]) return undefined;
      return branch.kind === 'null' ? null : jsonOfDefault(branch, value);
    }
    case 'array': {
      const items = (value as readonly unknown[]).map((item) => jsonOfDefault(type.items, item));
      return items.includes(undefined) ? undefined : (items as readonly Json[]);
    }
    case 'map':
      return objectOf(Object.entries(value as object).map(([key, item]: [string, unknown]) => [key, jsonOfDefault(type.values, item)]));
    case 'record':
      return objectOf(type.fields.map((field) => [field.name, jsonOfDefault(field.type, memberOf(value, field.name))]));
    case 'bytes':
    case 'fixed':
      return Buffer.from(value as Uint8Array).toString('latin1');
    case 'long': {
      const number = value instanceof Date ? value.getTime() : Number(value);
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case 'float':
    case 'double':
      return Number.isFinite(value) ? (value as number) : undefined;
    default:
      return value as Json;
  }
}

function objectOf(entries: readonly (readonly [string, Json | undefined])[]): Json | undefined {
  return entries.some(([, json]) => json === undefined) ? undefined : (Object.fromEntries(entries) as Json);
}

/**
 * The branches of a field's union with the one that its default is of in front, since Avro before 1.12 takes a default for
 * the first branch only.
 */
export function leadWithDefault(type: UnionType, value: unknown): UnionType {
  const lead = branchOf(type, value);
  if (lead === undefined || lead === type.branches[0]) return type;
  return { ...type, branches: [lead, ...type.branches.filter((branch) => branch !== lead)] };
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

function isObject(json: Json): json is { readonly [key: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function shorten(json: Json): string {
  const text = JSON.stringify(json);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
