import { z } from 'zod';
import { MillraceError } from '../../error/index.js';
import { keyPath, memberPath, shorten } from '../value-problem.js';

/** The full check by a zod schema: gives its output, or throws `MILLRACE_VALUE_INVALID` with every issue. */
export function refineWith(schema: z.core.$ZodType, name: string): (value: unknown) => unknown {
  return (value) => {
    const result = parse(schema, value, name);
    if (result.success) return result.data;
    throw new MillraceError('MILLRACE_VALUE_INVALID', `a value breaks the schema${name === '' ? '' : ` ${name}`}:${issueList(result.error, value)}`, { cause: result.error });
  };
}

/** Like `safeParse`, with an error that says what to do about checks that are asynchronous. */
export function parse(schema: z.core.$ZodType, value: unknown, name: string): z.core.util.SafeParseResult<unknown> {
  try {
    return z.core.safeParse(schema, value);
  } catch (cause) {
    if (!(cause instanceof z.core.$ZodAsyncError)) throw cause;
    throw new MillraceError('MILLRACE_SCHEMA_UNMAPPABLE', `the schema${name === '' ? '' : ` ${name}`} has asynchronous checks, which a record cannot wait for; make them in the operator`, { cause });
  }
}

/** The issues of a zod error as lines of a message, the first ten of them. */
export function issueList({ issues }: z.core.$ZodError, value: unknown): string {
  const shown = issues.slice(0, 10).map((issue) => `\n  - ${pathOf(issue.path) || 'the value'}: ${issue.message}, found ${shorten(valueAt(value, issue.path))}`);
  if (issues.length > 10) shown.push(`\n  - and ${issues.length - 10} more`);
  return shown.join('');
}

/** A path of zod in the notation of {@link ValueProblem.path}. */
export function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/.test(String(key)) ? memberPath(text, String(key)) : keyPath(text, String(key));
  }, '');
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((part, key) => (typeof part === 'object' && part !== null ? (part as Readonly<Record<PropertyKey, unknown>>)[key] : undefined), value);
}
