import { ERROR_CODES, MillraceError, type ErrorCode, type ErrorPlace } from '@millrace/core';

/** An error on its way between threads or processes: structured clones know neither classes of errors nor their codes. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Set for errors of Millrace. */
  readonly code: ErrorCode | undefined;
  readonly place: ErrorPlace;
  readonly retriable: boolean;
  /** Simple members that the error has beside those: `errno`, `code` and `path` of a system error. */
  readonly members: Readonly<Record<string, string | number | boolean | null>>;
  readonly cause: WireError | { readonly thrown: string } | undefined;
  /** Those of an `AggregateError`. */
  readonly errors: readonly (WireError | { readonly thrown: string })[] | undefined;
}

const DEEPEST = 8;
const PLACE = ['operator', 'port', 'channel', 'partition', 'offset'] as const;
const OWN: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors', 'retriable', ...PLACE]);

/** Takes an error apart, with its causes; a circle of causes ends where it is too deep to be read anyway. */
export function toWire(error: Error, depth = 0): WireError {
  const isOurs = MillraceError.is(error);
  const { name, message, stack } = error;
  const members: Record<string, string | number | boolean | null> = {};
  for (const [key, value] of Object.entries(error) as [string, unknown][]) {
    if (OWN.has(key) || (isOurs && key === 'code')) continue;
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') members[key] = value;
  }
  return {
    name, message, stack, members,
    code: isOurs ? error.code : undefined,
    place: isOurs ? Object.fromEntries(PLACE.map((key) => [key, error[key]])) : {},
    retriable: isOurs && error.retriable,
    cause: error.cause === undefined || depth === DEEPEST ? undefined : thrownToWire(error.cause, depth),
    errors: error instanceof AggregateError && depth < DEEPEST ? (error.errors as readonly unknown[]).map((each) => thrownToWire(each, depth)) : undefined,
  };
}

/** Puts an error together again, with the stack that it had where it was thrown. */
export function fromWire({ name, message, stack, code, place, retriable, members, cause, errors }: WireError): Error {
  const details = cause === undefined ? {} : { cause: thrownFromWire(cause) };
  const error = code !== undefined && code in ERROR_CODES
    ? new MillraceError(code, message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message, { ...place, retriable, ...details })
    : plainError(message, details, errors);
  for (const [key, value] of Object.entries({ name, stack })) Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: false });
  return Object.assign(error, members);
}

function plainError(message: string, details: ErrorOptions, errors: WireError['errors']): Error {
  return errors === undefined ? new Error(message, details) : new AggregateError(errors.map(thrownFromWire), message, details);
}

function thrownToWire(thrown: unknown, depth: number): WireError | { readonly thrown: string } {
  return thrown instanceof Error ? toWire(thrown, depth + 1) : { thrown: String(thrown) };
}

function thrownFromWire(wire: WireError | { readonly thrown: string }): unknown {
  return 'thrown' in wire ? wire.thrown : fromWire(wire);
}
