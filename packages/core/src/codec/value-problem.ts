import { inspect } from 'node:util';
import { MillraceError } from '../error/index.js';
import type { ValueProblem } from './codec.js';

const MAX_SHOWN = 80;

/** A value in a few words for a message: never long, never running code of the value's own. */
export function shorten(value: unknown): string {
  const text = inspect(value, { depth: 1, maxArrayLength: 3, maxStringLength: MAX_SHOWN, breakLength: Number.POSITIVE_INFINITY, compact: true, customInspect: false });
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}

/** `path.name`, or `name` at the top. */
export function memberPath(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** `path["any key"]`. */
export function keyPath(path: string, key: string): string {
  return `${path}[${JSON.stringify(key.length > MAX_SHOWN ? `${key.slice(0, MAX_SHOWN - 1)}…` : key)}]`;
}

/** The error for a value that breaks the schema of this name; lists the first ten problems. */
export function invalidValue(schema: string, problems: readonly ValueProblem[], cause?: unknown): MillraceError {
  const shown = problems.slice(0, 10).map(({ path, expected, found }) => `\n  - ${path === '' ? 'the value' : path} must be ${expected}, not ${found}`);
  if (problems.length > 10) shown.push(`\n  - and ${problems.length - 10} more`);
  return new MillraceError('MILLRACE_VALUE_INVALID', `a value breaks the schema${schema === '' ? '' : ` ${schema}`}:${shown.join('')}`, { cause });
}
