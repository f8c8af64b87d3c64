import { toError, type Logger } from '@millrace/core';
import { reportError } from './failure.js';
import { colorsOf, type Stream } from './terminal.js';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface LogFlags {
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly verbose?: boolean;
}

/** Lines for people, or for machines through pino. */
export async function loggerOf(stream: Stream, { logLevel, logFormat, verbose = false }: LogFlags): Promise<Logger> {
  if (logFormat === 'text') return lineLogger(stream, logLevel, verbose);
  const [{ pino }, { pinoLogger }] = await Promise.all([import('pino'), import('../logs/pino-logger.js')]);
  return pinoLogger(pino({ level: logLevel, formatters: { level: (level) => ({ level }) } }, stream));
}

/** Lines for people. An error is shown as the command shows its own, once. */
function lineLogger(stream: Stream, level: LogLevel, verbose: boolean, fields: object = {}): Logger {
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
