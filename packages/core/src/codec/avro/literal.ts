import { branchOf } from './branch.js';
import { quote, type Program } from './program.js';
import type { AvroType } from './schema.js';
import { memberOf } from './values.js';

/** The expression that makes a default anew each time it runs, so that no two records share one. */
export function literal(type: AvroType, value: unknown, program: Program): string {
  switch (type.kind) {
    case 'union': {
      const branch = branchOf(type, value);
      return branch === undefined ? program.constant(value) : literal(branch, value, program);
    }
    case 'array':
      return `[${(value as readonly unknown[]).map((item) => literal(type.items, item, program)).join(', ')}]`;
    case 'map':
      return `{ ${Object.entries(value as object)
        .map(([key, item]: [string, unknown]) => `${quote(key)}: ${literal(type.values, item, program)}`)
        .join(', ')} }`;
    case 'record':
      return `{ ${type.fields
        .filter((field) => field.omitted !== true || memberOf(value, field.name) !== undefined)
        .map((field) => `${quote(field.name)}: ${literal(field.type, memberOf(value, field.name), program)}`)
        .join(', ')} }`;
    case 'bytes':
      return type.form === 'buffer' ? `Buffer.from(${program.constant(value)})` : `Uint8Array.from(${program.constant(value)})`;
    case 'fixed':
      return `Uint8Array.from(${program.constant(value)})`;
    case 'long':
      return type.form === 'date' ? `new Date(${(value as Date).getTime()})` : program.constant(value);
    default:
      return program.constant(value);
  }
}
