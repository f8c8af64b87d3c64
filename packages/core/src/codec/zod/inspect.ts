import { z } from 'zod';

/** Any schema of zod, as its own list of kinds: what `_zod.def` is follows from `_zod.def.type`. */
export type Schema = z.core.$ZodTypes;

/** zod types its children as the common base; at run time each is one of the kinds. */
export function schemaOf(schema: z.core.$ZodType): Schema {
  return schema as Schema;
}

/** The metadata that `.meta()` gave to this very schema; most methods of zod give a new one without its id. */
export interface Metadata {
  readonly id?: string;
  readonly doc?: string;
  readonly aliases: readonly string[];
}

export function metadataOf(schema: z.core.$ZodType): Metadata {
  const meta = z.globalRegistry.get(schema);
  const aliases: unknown = meta?.['aliases'];
  return {
    ...(meta?.id === undefined ? {} : { id: meta.id }),
    ...(meta?.description === undefined ? {} : { doc: meta.description }),
    aliases: Array.isArray(aliases) ? (aliases as readonly string[]) : [],
  };
}

/** `safeint`, `uuid`, …: given with the schema (`z.int()`) or as a check of it (`z.number().int()`). */
export function formatOf(schema: Schema): string | undefined {
  const { format } = schema as { readonly format?: unknown };
  return typeof format === 'string' ? format : undefined;
}

/** The schema under `optional`, `default`, `readonly` and the like; the schema itself where there is none. */
export function unwrapped(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const { def } = schemaOf(schema)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
    case 'nonoptional':
      return def.innerType;
    case 'lazy':
      return def.getter();
    default:
      return undefined;
  }
}

/** True for `exactOptional()`, which allows the key to be missing but not to be undefined. */
export function isExactOptional(schema: z.core.$ZodType): boolean {
  return schema._zod.traits.has('$ZodExactOptional');
}

/**
 * What the schema makes of a value that is not there: its default, or undefined where it is optional. No result where the
 * schema wants a value.
 */
export function defaultOf(schema: z.core.$ZodType): { readonly value: unknown } | undefined {
  if (schema._zod.optin === undefined) return undefined;
  if (isExactOptional(schema)) return { value: undefined };
  const result = z.core.safeParse(schema, undefined);
  return result.success ? { value: result.data } : undefined;
}

/**
 * Whether `z.encode` may make something else of a valid value than the value itself: where a codec, a pipe or a kind that is not known here
 * stands anywhere in the schema.
 */
export function mayTransform(root: z.core.$ZodType): boolean {
  const seen = new Set<z.core.$ZodType>();
  const visit = (schema: z.core.$ZodType): boolean => {
    if (seen.has(schema)) return false;
    seen.add(schema);
    const { def } = schemaOf(schema)._zod;
    switch (def.type) {
      case 'string':
      case 'number':
      case 'boolean':
      case 'null':
      case 'literal':
      case 'enum':
        return false;
      case 'optional':
      case 'nullable':
      case 'default':
        return visit(def.innerType);
      case 'array':
        return visit(def.element);
      case 'record':
        return visit(def.keyType) || visit(def.valueType);
      case 'object':
        return Object.values(def.shape).some(visit) || (def.catchall !== undefined && visit(def.catchall));
      default:
        return true;
    }
  };
  return visit(root);
}
