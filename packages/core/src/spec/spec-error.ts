import { formatProblem, MillraceError, type ErrorCode, type Problem } from '../error/index.js';

/** A place in the text of a spec; line and column count from 1. */
export interface SpecPlace {
  /** As it was given; `undefined` for a text without a file. */
  readonly file: string | undefined;
  readonly line: number;
  readonly column: number;
  /** The line itself, without its end. */
  readonly text: string;
}

/** A problem of a spec, with the place that it stands at. */
export interface SpecProblem extends Problem {
  readonly place: SpecPlace;
  readonly cause?: unknown;
}

/** Thrown where a spec has problems: carries all of them, in the order of the text, and shows each with its line. */
export class SpecError extends MillraceError {
  readonly problems: readonly SpecProblem[];

  constructor(file: string | undefined, problems: readonly SpecProblem[], code: ErrorCode = 'MILLRACE_SPEC_INVALID') {
    const sorted = problems.toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
    const cause = sorted.find((problem) => problem.cause !== undefined)?.cause;
    super(code, `${file ?? 'the text'} describes no pipeline that can start, ${sorted.length} problem${sorted.length === 1 ? '' : 's'}:\n${sorted.map(formatSpecProblem).join('\n')}`, cause === undefined ? {} : { cause });
    this.name = 'SpecError';
    this.problems = sorted;
  }
}

/** A problem over some lines: `file:line:column where: what; remedy [CODE]`, then the line with a mark below the place. */
export function formatSpecProblem(problem: SpecProblem): string {
  const { file, line, column, text } = problem.place;
  // A long line is cut around the place.
  const start = Math.max(0, column - 1 - 60);
  const cut = text.slice(start, start + 120).replaceAll('\t', ' ');
  const number = String(line);
  return `  ${file ?? ''}${file === undefined ? '' : ':'}${line}:${column} ${formatProblem(problem)}\n    ${number} | ${cut}\n    ${' '.repeat(number.length)} | ${' '.repeat(column - 1 - start)}^`;
}
