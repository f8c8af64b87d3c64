import type { ErrorCode } from './codes.js';
import { MillraceError } from './millrace-error.js';

/** One finding of a plan or a preflight: where, what, and a way out. */
export interface Problem {
  readonly code: ErrorCode;
  /** `error` keeps the pipeline from starting, `warning` does not. */
  readonly severity: 'error' | 'warning';
  /** What it concerns: `pipeline.operator.port`, a channel, a location. */
  readonly where: string;
  /** What is wrong, as a sentence without a full stop. */
  readonly what: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

/** A problem as one line of text: `where: what (remedy) [CODE]`. */
export function formatProblem(problem: Problem): string {
  return `${problem.where}: ${problem.what}; ${problem.remedy} [${problem.code}]`;
}

/** Thrown where a plan or preflight has problems: carries all of them, and lists all errors in its message. */
export class PlanError extends MillraceError {
  readonly problems: readonly Problem[];

  constructor(pipeline: string, problems: readonly Problem[]) {
    const errors = problems.filter((problem) => problem.severity === 'error');
    super('MILLRACE_PLAN_INVALID', `pipeline ${pipeline} cannot start, ${errors.length} problem${errors.length === 1 ? '' : 's'}:\n${errors.map((p) => `  - ${formatProblem(p)}`).join('\n')}`);
    this.name = 'PlanError';
    this.problems = problems;
  }
}
