import type { AvroType, LogicalType } from './schema.js';

/**
 * The Parsing Canonical Form of the Avro specification: what decides how bytes are read, and nothing else. Fingerprints are
 * taken of it.
 */
export function canonicalForm(type: AvroType): string {
  return write(type, new Set(), undefined);
}

/**
 * The canonical form with the logical types that change what a value is. Two schemas of one fingerprint that differ here
 * must not be mixed: the same eight bytes would be a count for one and a time for the other. Left out are docs, aliases,
 * defaults (only a reader's count), the order of sorting, and `uuid` on a string, which is the same string without it.
 */
export function meaningOf(type: AvroType): string {
  return write(type, new Set(), (logical, kind) => !(logical.name === 'uuid' && kind === 'string'));
}

function write(type: AvroType, seen: Set<string>, counts: ((logical: LogicalType, kind: string) => boolean) | undefined): string {
  const inner = (part: AvroType): string => write(part, seen, counts);
  switch (type.kind) {
    case 'array':
      return `{"type":"array","items":${inner(type.items)}}`;
    case 'map':
      return `{"type":"map","values":${inner(type.values)}}`;
    case 'union':
      return `[${type.branches.map(inner).join(',')}]`;
    case 'record':
    case 'enum':
    case 'fixed': {
      const name = JSON.stringify(type.name);
      if (seen.has(type.name)) return name;
      seen.add(type.name);
      const head = `{"name":${name},"type":"${type.kind}"`;
      if (type.kind === 'enum') return `${head},"symbols":${JSON.stringify(type.symbols)}}`;
      if (type.kind === 'fixed') return `${head},"size":${type.size}${type.logical !== undefined && counts !== undefined ? `,"logicalType":${JSON.stringify(type.logical)}` : ''}}`;
      return `${head},"fields":[${type.fields.map((field) => `{"name":${JSON.stringify(field.name)},"type":${inner(field.type)}}`).join(',')}]}`;
    }
    default:
      if (type.logical !== undefined && counts?.(type.logical, type.kind) === true) return JSON.stringify({ type: type.kind, ...type.logical });
      return `"${type.kind}"`;
  }
}
