import { fileURLToPath } from 'node:url';
import { MillraceError, toError, type ErrorPlace, type Problem } from '@millrace/core';
import { colorsOf, type Stream } from './terminal.js';

/** Exit codes of the command beside those of a run. */
export const EXIT = { done: 0, failed: 1, misused: 2 } as const;

/** Flags that say in which form an error is told. */
export interface FailureFlags {
  readonly json?: boolean;
  readonly format?: string;
  readonly logFormat?: string;
  readonly verbose?: boolean;
}

/** Tells what a command ends with: a line of JSON where any JSON was asked for, else text for people. */
export function tellFailure(thrown: unknown, stream: Stream, exitCode: number, { json = false, format, logFormat, verbose = false }: FailureFlags): void {
  if (json || format === 'json' || logFormat === 'json') stream.write(`${JSON.stringify(failureOf(thrown, exitCode, verbose))}\n`);
  else reportError(thrown, stream, verbose);
}

/** What {@link reportError} shows, by name, and every problem of a plan or a description. */
function failureOf(thrown: unknown, exitCode: number, verbose: boolean): object {
  const error = toError(thrown, 'the command');
  const { code, problems } = error as { readonly code?: unknown; readonly problems?: readonly (Problem & { readonly cause?: unknown })[] };
  const causes = causesOf(error).map((cause) => ({ message: cause.message, at: originOf(cause) }));
  return {
    event: 'error', code, message: error.message, ...placeOf(error), at: originOf(error),
    ...(problems === undefined ? {} : { problems: problems.map(({ cause: _cause, ...problem }) => problem) }),
    ...(causes.length === 0 ? {} : { causes }),
    ...(MillraceError.is(error) ? { docs: error.docs } : {}),
    ...(verbose ? { stacks: stacksOf(error) } : {}),
    exitCode,
  };
}

const reported = new WeakSet<Error>();

/** Shows an error once, however often it is met on its way up: code, message, place, causes, and where to read on. */
export function reportError(thrown: unknown, stream: Stream, verbose: boolean): void {
  const error = toError(thrown, 'the command');
  if (reported.has(error) || (error.cause instanceof Error && reported.has(error.cause))) return;
  reported.add(error);
  const colors = colorsOf(stream);
  stream.write(`${[`${colors.red('error')} ${error.message}`, ...detailsOf(error).map((line) => colors.dim(line)), ...(verbose ? stacksOf(error) : [])].join('\n')}\n`);
}

function detailsOf(error: Error): readonly string[] {
  const lines: string[] = [];
  const place = Object.entries(placeOf(error)).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  if (place.length > 0) lines.push(`  at ${place.join(', ')}`);
  for (const cause of [error, ...causesOf(error)]) {
    if (!error.message.includes(cause.message)) lines.push(`  because ${cause.message}`);
    const at = originOf(cause);
    if (at !== undefined) lines.push(`  at ${at}`);
  }
  if (MillraceError.is(error)) lines.push(`  millrace explain ${error.code} says what to do`);
  return lines;
}

function placeOf(error: Error): ErrorPlace {
  if (!MillraceError.is(error)) return {};
  const { operator, port, channel, partition, offset } = error;
  return { operator, port, channel, partition, offset };
}

function causesOf(error: Error): readonly Error[] {
  const causes: Error[] = [];
  for (let { cause } = error; cause instanceof Error && !causes.includes(cause); { cause } = cause) causes.push(cause);
  return causes;
}

/** The packages of Millrace, where they are installed or in their repository. */
const OWN = fileURLToPath(new URL('../../../', import.meta.url));

/** The first place of a stack in somebody's own code. */
function originOf({ stack = '' }: Error): string | undefined {
  for (const line of stack.split('\n')) {
    const [, url, place] = /^\s+at (?:async )?(?:.*\()?((?:file:\/\/)?[^\s()][^()]*?)(:\d+:\d+)\)?$/.exec(line) ?? [];
    if (url === undefined || url.startsWith('node:')) continue;
    const file = url.startsWith('file:') ? fileURLToPath(url) : url;
    if (!file.includes('node_modules') && !file.startsWith(OWN)) return `${file}${place}`;
  }
  return undefined;
}

function stacksOf(error: Error): readonly string[] {
  return [error, ...causesOf(error)].map(({ stack, message }) => stack ?? message);
}
