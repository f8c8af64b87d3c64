import type { AvroType, UnionType } from './schema.js';

/**
 * The Parsing Canonical Form of the Avro specification: what decides how bytes are read, and nothing else. Fingerprints are
 * taken of it.
 */
export function canonicalForm(type: AvroType): string {
  return write(type, new Set(), () => undefined);
}

/**
 * The canonical form with what a value is in JavaScript. Of two schemas that are equal here the values are too: one that
 * reads a long as `Date` and one that reads it as bigint differ, as do null and undefined for the same null on the wire.
 */
export function valuesOf(type: AvroType): string {
  return write(type, new Set(), (part) => {
    switch (part.kind) {
      case 'union':
        return [part.absent, tagOf(part)].join();
      case 'record':
        return part.fields.flatMap((field) => (field.omitted === true ? [field.name] : [])).join();
      case 'array':
      case 'map':
      case 'enum':
      case 'fixed':
        return undefined;
      default:
        return [part.form, ...[...(part.allowed ?? [])].map((value) => `${typeof value} ${String(value)}`).sort()].join();
    }
  });
}

function tagOf({ tag }: UnionType): string {
  return tag === undefined ? '' : [tag.key, ...[...tag.cases].map(([value, record]) => `${typeof value} ${String(value)} ${record.name}`).sort()].join();
}

/** @param note what is to be told apart beyond the canonical form, if anything. */
function write(type: AvroType, seen: Set<string>, note: (type: AvroType) => string | undefined): string {
  const named = 'name' in type;
  if (named && seen.has(type.name)) return JSON.stringify(type.name);
  if (named) seen.add(type.name);
  const form = body(type, (part) => write(part, seen, note));
  const more = note(type);
  return more === undefined ? form : `${form} ${JSON.stringify(more)}`;
}

function body(type: AvroType, inner: (part: AvroType) => string): string {
  switch (type.kind) {
    case 'array':
      return `{"type":"array","items":${inner(type.items)}}`;
    case 'map':
      return `{"type":"map","values":${inner(type.values)}}`;
    case 'union':
      return `[${type.branches.map(inner).join(',')}]`;
    case 'enum':
      return `{"name":${JSON.stringify(type.name)},"type":"enum","symbols":${JSON.stringify(type.symbols)}}`;
    case 'fixed':
      return `{"name":${JSON.stringify(type.name)},"type":"fixed","size":${type.size}}`;
    case 'record':
      return `{"name":${JSON.stringify(type.name)},"type":"record","fields":[${type.fields.map((field) => `{"name":${JSON.stringify(field.name)},"type":${inner(field.type)}}`).join(',')}]}`;
    default:
      return `"${type.kind}"`;
  }
}
