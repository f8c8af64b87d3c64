import { ERROR_CODES, MillraceError, nearest, type ErrorCode } from '@millrace/core';
import { EXIT } from '../failure.js';
import { columns, type Streams } from '../terminal.js';
import { REMEDIES } from './remedies.js';

const PREFIX = 'MILLRACE_';

/** `millrace explain`: what a code says and what to do about it; without one, all codes. */
export function explain(given: string | undefined, { out }: Streams): number {
  const text = given === undefined ? columns(Object.entries(ERROR_CODES)).join('\n') : textOf(codeOf(given));
  out.write(`${text}\n`);
  return EXIT.done;
}

function textOf(code: ErrorCode): string {
  return `${code}: ${ERROR_CODES[code]}\n${REMEDIES[code]}`;
}

/**
 * A code in small letters, or without the prefix that all have, is meant too.
 * @throws MillraceError `MILLRACE_COMMAND_INVALID` with what may have been meant
 */
function codeOf(given: string): ErrorCode {
  const name = given.toUpperCase().replace(PREFIX, '');
  const code = `${PREFIX}${name}`;
  if (Object.hasOwn(ERROR_CODES, code)) return code as ErrorCode;
  const names = Object.keys(ERROR_CODES).map((each) => each.slice(PREFIX.length));
  const near = nearest(name, names);
  const meant = near === undefined ? names.filter((each) => each.split('_').some((word) => name.split('_').includes(word))) : [near];
  throw new MillraceError('MILLRACE_COMMAND_INVALID', `there is no code ${given}; ${meant.length === 0 ? 'millrace explain lists all' : `did you mean ${meant.map((each) => `${PREFIX}${each}`).join(', ')}?`}`);
}
