import { toError, type Logger } from '@millrace/core';
import { reportError } from './failure.js';
import { colorsOf, type Stream } from './terminal.js';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Lines for people. An error is shown as the command shows its own, once. */
export function lineLogger(stream: Stream, level: LogLevel, verbose: boolean, fields: object = {}): Logger {
  const log = (of: LogLevel) => (own: object, message: string): void => {
    if (LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
    const { error, ...rest } = { ...fields, ...own } as Readonly<Record<string, unknown>>;
    const colors = colorsOf(stream);
    const text = Object.entries(rest).map(([key, value]) => ` ${key}=${String(value)}`).join('');
    if (of === 'error' && error !== undefined) reportError(error, stream, verbose);
    else stream.write(`${of === 'warn' ? colors.yellow(of) : of === 'error' ? colors.red(of) : colors.dim(of)} ${message}${text}${error === undefined ? '' : `: ${toError(error).message}`}\n`);
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error'), child: (more) => lineLogger(stream, level, verbose, { ...fields, ...more }) };
}
