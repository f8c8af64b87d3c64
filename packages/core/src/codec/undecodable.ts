import { MillraceError } from '../error/index.js';

/** The error for bytes that are no record; `cause` says why. */
export function undecodable(name: string, cause: unknown): MillraceError {
  const why = cause instanceof RangeError ? 'it nests too deeply' : cause instanceof Error ? cause.message : String(cause);
  return new MillraceError('MILLRACE_UNDECODABLE', `a record${name === '' ? '' : ` of ${name}`} cannot be decoded: ${why}`, { cause });
}
