import type { AvroType, RecordType } from './schema.js';

/** True for a record that can contain itself, so that the depth of its values is not bounded by its schema. */
export function isRecursive(type: RecordType): boolean {
  const seen = new Set<AvroType>();
  const rest: AvroType[] = type.fields.map((field) => field.type);
  for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
    if (part === type) return true;
    if (seen.has(part)) continue;
    seen.add(part);
    if (part.kind === 'record') rest.push(...part.fields.map((field) => field.type));
    else if (part.kind === 'array') rest.push(part.items);
    else if (part.kind === 'map') rest.push(part.values);
    else if (part.kind === 'union') rest.push(...part.branches);
  }
  return false;
}
