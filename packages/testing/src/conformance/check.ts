import { inspect, isDeepStrictEqual } from 'node:util';
import { MillraceError, type ErrorCode } from '@millrace/core';

/** Fails a case: the backend breaks the line of the SPI that `what` states. */
export function broken(what: string, cause?: unknown): MillraceError {
  return new MillraceError('MILLRACE_CONFORMANCE', what, cause === undefined ? {} : { cause });
}

export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw broken(what);
}

/** Compares by value, maps and byte arrays too. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw broken(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** Expects an error of one of the given codes, thrown or rejected with, and returns it. */
export async function failsWith(codes: ErrorCode | readonly ErrorCode[], what: string, call: () => unknown): Promise<MillraceError> {
  const allowed = typeof codes === 'string' ? [codes] : codes;
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw broken(`${what}: expected ${allowed.join(' or ')}, but it succeeded`);
  if (MillraceError.is(error) && allowed.includes(error.code)) return error;
  throw broken(`${what}: expected ${allowed.join(' or ')}, got ${show(error)}`, error);
}

function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity, maxArrayLength: 20, maxStringLength: 200 });
}
