import { MillraceError, toError, type ErrorCode, type Problem } from '@millrace/core';

export function error(code: ErrorCode, where: string, what: string, remedy: string): Problem {
  return { code, severity: 'error', where, what, remedy };
}

export function warning(code: ErrorCode, where: string, what: string, remedy: string): Problem {
  return { code, severity: 'warning', where, what, remedy };
}

/** What was thrown as a problem: its own code where it has one, and its message without it. */
export function failure(thrown: unknown, otherwise: ErrorCode, where: string, doing: string, remedy: string): Problem {
  return error(MillraceError.is(thrown) ? thrown.code : otherwise, where, `${doing}: ${reason(thrown)}`, remedy);
}

/** What was thrown, or a message, as the end of a sentence that says why. */
export function reason(thrown: unknown): string {
  const message = typeof thrown === 'string' ? thrown : toError(thrown).message;
  return message.replace(/^MILLRACE_[A-Z_]+: /, '').trim().replace(/\.$/, '');
}
