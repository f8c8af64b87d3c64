import type { ErrorCode } from './codes.js';

const BRAND = Symbol.for('@millrace/error');

/** Where in a pipeline an error arose; every member that is known is filled in. */
export interface ErrorPlace {
  /** Replica or operator, as `pipeline.operator` or `pipeline.operator#1`. */
  readonly operator?: string | undefined;
  readonly port?: string | undefined;
  readonly channel?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
}

/** What the constructor of {@link MillraceError} takes beside code and message. */
export interface ErrorDetails extends ErrorPlace {
  readonly cause?: unknown;
  /** True where the same call may succeed later without a change. Default false. */
  readonly retriable?: boolean | undefined;
}

/**
 * The one error class of Millrace: a stable {@link ErrorCode}, the place, and the cause.
 *
 * Use {@link MillraceError.is} instead of `instanceof`, which fails between two installed copies of the package.
 */
export class MillraceError extends Error implements ErrorPlace {
  readonly code: ErrorCode;
  declare readonly operator?: string;
  declare readonly port?: string;
  declare readonly channel?: string;
  declare readonly partition?: number;
  declare readonly offset?: number;
  readonly retriable: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(`${code}: ${message}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'MillraceError';
    this.code = code;
    const { operator, port, channel, partition, offset, retriable = false } = details;
    // Only what is known: Node shows every own member of an error that nobody caught.
    Object.assign(this, Object.fromEntries(Object.entries({ operator, port, channel, partition, offset }).filter(([, value]) => value !== undefined)));
    this.retriable = retriable;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Where its code is explained, from the root of the repository and of the site: `docs/errors.md#millrace_fenced`. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`;
  }

  /** True for an error of Millrace, of the given code where one is named, from whichever copy of the package. */
  static is(error: unknown, code?: ErrorCode): error is MillraceError {
    return typeof error === 'object' && error !== null && BRAND in error && (code === undefined || (error as unknown as MillraceError).code === code);
  }
}

/** Whatever was thrown, as an `Error`: a hook may throw `undefined` or a string, and its report must not fail over that. */
export function toError(thrown: unknown, what = 'the code'): Error {
  if (thrown instanceof Error) return thrown;
  return new MillraceError('MILLRACE_NOT_AN_ERROR', `${what} threw ${describe(thrown)} instead of an Error`, { cause: thrown });
}

function describe(thrown: unknown): string {
  if (thrown === undefined) return 'undefined';
  try {
    return JSON.stringify(thrown)?.slice(0, 200) ?? String(thrown);
  } catch {
    return typeof thrown;
  }
}
