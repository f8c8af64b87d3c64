import type { AvroType } from './schema.js';

/**
 * The fewest bytes that a value of this type takes on the wire: what bounds the items of an array by the bytes that are
 * left. A type that contains itself always has no finite value; it counts as 0 where it closes the circle.
 */
export function minBytes(type: AvroType): number {
  return measure(type, new Map());
}

/**
 * How many values come out of nothing where a type always takes 0 bytes: null, a record of nulls. Undefined for a type that
 * takes bytes.
 */
export function freeValuesOf(type: AvroType): number | undefined {
  return minBytes(type) > 0 ? undefined : countFree(type, new Map());
}

function measure(type: AvroType, known: Map<AvroType, number>): number {
  switch (type.kind) {
    case 'null':
      return 0;
    case 'float':
      return 4;
    case 'double':
      return 8;
    case 'fixed':
      return type.size;
    case 'record': {
      const before = known.get(type);
      if (before !== undefined) return before;
      known.set(type, 0);
      let bytes = 0;
      for (const field of type.fields) bytes += measure(field.type, known);
      known.set(type, bytes);
      return bytes;
    }
    // One byte for a count, a length, an index or the smallest number; what a branch takes comes on top but may be nothing.
    default:
      return 1;
  }
}

function countFree(type: AvroType, known: Map<AvroType, number>): number {
  if (type.kind !== 'record') return 1;
  const before = known.get(type);
  if (before !== undefined) return before;
  known.set(type, Number.POSITIVE_INFINITY);
  let values = 1;
  for (const field of type.fields) values += countFree(field.type, known);
  known.set(type, values);
  return values;
}
