import { jsonOfDefault } from './defaults.js';
import type { Json } from './parse.js';
import type { AvroType, Field } from './schema.js';

/** The type as the text of an Avro schema that any reader parses: full names, defined at first use. */
export function publish(type: AvroType): string {
  return JSON.stringify(jsonOf(type, new Set()));
}

function jsonOf(type: AvroType, seen: Set<string>): Json {
  switch (type.kind) {
    case 'array':
      return { type: 'array', items: jsonOf(type.items, seen) };
    case 'map':
      return { type: 'map', values: jsonOf(type.values, seen) };
    case 'union':
      return type.branches.map((branch) => jsonOf(branch, seen));
    case 'record':
    case 'enum':
    case 'fixed': {
      if (seen.has(type.name)) return type.name;
      seen.add(type.name);
      const head = { type: type.kind, name: type.name, ...(type.aliases.length > 0 ? { aliases: type.aliases } : {}), ...docOf(type) };
      if (type.kind === 'enum') return { ...head, symbols: type.symbols };
      if (type.kind === 'fixed') return { ...head, size: type.size };
      return { ...head, fields: type.fields.map((field) => fieldOf(field, seen)) };
    }
    default: {
      if (type.logical === undefined) return type.kind;
      const { name, ...sizes } = type.logical;
      return { type: type.kind, logicalType: name, ...sizes };
    }
  }
}

function fieldOf(field: Field, seen: Set<string>): Json {
  const fallback = field.fallback === undefined ? undefined : jsonOfDefault(field.type, field.fallback.value);
  return {
    name: field.name,
    ...(field.aliases.length > 0 ? { aliases: field.aliases } : {}),
    ...docOf(field),
    type: jsonOf(field.type, seen),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}

function docOf({ doc }: { readonly doc?: string }): { readonly doc?: string } {
  return doc === undefined ? {} : { doc };
}
