import { titleOf, type AvroType, type LogicalType } from './schema.js';

/**
 * The place where two types of one canonical form mean something else, with what either says there; undefined where they
 * mean the same.
 *
 * What counts is outside the form and changes what a value is: the logical types, so that the same eight bytes would be a
 * count for one and a time for the other. Docs, aliases and the order of sorting change nothing, nor do defaults, of which
 * only a reader's are ever applied, nor `uuid` on a string, which is the same string without it.
 */
export function clashOf(one: AvroType, other: AvroType, path: string, seen = new Set<AvroType>()): string | undefined {
  if (seen.has(one)) return undefined;
  seen.add(one);
  switch (one.kind) {
    case 'array':
      return other.kind === 'array' ? clashOf(one.items, other.items, `${path}[]`, seen) : undefined;
    case 'map':
      return other.kind === 'map' ? clashOf(one.values, other.values, `${path}{}`, seen) : undefined;
    case 'union':
      return other.kind === 'union' ? first(one.branches, (branch, i) => clashOf(branch, other.branches[i] ?? branch, path, seen)) : undefined;
    case 'record':
      return other.kind === 'record' ? first(one.fields, (field, i) => clashOf(field.type, other.fields[i]?.type ?? field.type, `${path}.${field.name}`, seen)) : undefined;
    case 'enum':
      return undefined;
    default: {
      if (!('logical' in one || 'logical' in other) || textOf(one) === textOf(other)) return undefined;
      return `${path} is ${titleOf(one)} in one and ${titleOf(other)} in the other`;
    }
  }
}

function first<T>(parts: readonly T[], find: (part: T, index: number) => string | undefined): string | undefined {
  for (const [index, part] of parts.entries()) {
    const found = find(part, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function textOf(type: AvroType & { readonly logical?: LogicalType }): string {
  const { logical } = type;
  return logical === undefined || (type.kind === 'string' && logical.name === 'uuid') ? '' : [logical.name, logical.precision, logical.scale].join();
}
