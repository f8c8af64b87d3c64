import { MillraceError } from '../error/index.js';

/** The error for bytes that are no record; `cause` says why. */
export function undecodable(name: string, cause: unknown): MillraceError {
  return new MillraceError('MILLRACE_UNDECODABLE', `a record${name === '' ? '' : ` of ${name}`} cannot be decoded: ${why(cause)}`, { cause });
}

/** The error for what stands within a record and is asked for later. */
export function undecodableField(field: string, cause: unknown): MillraceError {
  return new MillraceError('MILLRACE_FIELD_UNDECODABLE', `${field} cannot be decoded: ${why(cause)}`, { cause });
}

function why(cause: unknown): string {
  return cause instanceof RangeError ? 'it nests too deeply' : cause instanceof Error ? cause.message : String(cause);
}
