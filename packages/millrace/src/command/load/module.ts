import { pathToFileURL } from 'node:url';
import { MillraceError, nearest, toError } from '@millrace/core';
import { readTypeScript } from './typescript.js';

/** What a module exports, by name. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Loads a module of the user's, TypeScript too.
 * @throws MillraceError what it threw where that is one, else `MILLRACE_MODULE_FAILED` with what it threw as the cause
 */
export async function loadModule(file: string): Promise<Exports> {
  await readTypeScript(file);
  try {
    return (await import(pathToFileURL(file).href)) as Exports;
  } catch (thrown) {
    throw failureOf(thrown, file, `${file} cannot be loaded`);
  }
}

/** What a user's module threw, as the command ends with it: an error of Millrace says better what is wrong than any around it. */
export function failureOf(thrown: unknown, who: string, what: string): MillraceError {
  const cause = toError(thrown, who);
  return thrown === cause && MillraceError.is(cause) ? cause : new MillraceError('MILLRACE_MODULE_FAILED', `${what}: ${cause.message}`, { cause });
}

/**
 * The export of this name that is of a kind, or without a name the default one or the only one.
 * @param kind for messages: `a pipeline`
 * @throws MillraceError `MILLRACE_MODULE_FAILED`
 */
export function pick<T>(exports: Exports, name: string | undefined, file: string, kind: string, is: (value: unknown) => value is T): T {
  const fitting = Object.keys(exports).filter((key) => is(exports[key]));
  const list = fitting.length === 0 ? `it exports ${Object.keys(exports).join(', ') || 'nothing'}` : `${fitting.map((key) => `#${key}`).join(', ')} would be`;
  if (name !== undefined) {
    const value = exports[name];
    if (is(value)) return value;
    if (name in exports) throw new MillraceError('MILLRACE_MODULE_FAILED', `${name} of ${file} is not ${kind}; ${list}`);
    const near = nearest(name, fitting);
    throw new MillraceError('MILLRACE_MODULE_FAILED', `${file} does not export ${name}; ${near === undefined ? list : `did you mean ${near}?`}`);
  }
  const value = exports['default'];
  if (is(value)) return value;
  const [only, ...others] = fitting;
  if (only === undefined) throw new MillraceError('MILLRACE_MODULE_FAILED', `${file} does not export ${kind}; ${list}`);
  if (others.length > 0) throw new MillraceError('MILLRACE_MODULE_FAILED', `${file} exports more than one; say which: ${fitting.map((key) => `#${key}`).join(', ')}`);
  return exports[only] as T;
}
