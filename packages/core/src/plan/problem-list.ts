import type { ErrorCode, Problem } from '../error/index.js';

/** Collects what a plan finds; the same finding is kept once. */
export class ProblemList {
  readonly #problems = new Map<string, Problem>();

  error(code: ErrorCode, where: string, what: string, remedy: string): void {
    this.add({ code, severity: 'error', where, what, remedy });
  }

  warning(code: ErrorCode, where: string, what: string, remedy: string): void {
    this.add({ code, severity: 'warning', where, what, remedy });
  }

  add(problem: Problem): void {
    this.#problems.set(JSON.stringify([problem.code, problem.where, problem.what]), problem);
  }

  /** Errors first, else in the order in which they were found. */
  all(): readonly Problem[] {
    const found = [...this.#problems.values()];
    return [...found.filter((problem) => problem.severity === 'error'), ...found.filter((problem) => problem.severity === 'warning')];
  }
}

/** What was thrown, as the end of a sentence: without its code and its full stop. */
export function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? (issuesOf(thrown)?.join(', ') ?? thrown.message) : String(thrown);
  return sentence(message.replace(/^MILLRACE_[A-Z_]+: /, ''));
}

/** The issues of a zod error, each with its path; its message is JSON over many lines. `undefined` for any other error. */
export function issuesOf(thrown: unknown): readonly string[] | undefined {
  const issues = typeof thrown === 'object' && thrown !== null && 'issues' in thrown ? thrown.issues : undefined;
  if (!Array.isArray(issues) || issues.length === 0) return undefined;
  return (issues as readonly { readonly path?: readonly PropertyKey[]; readonly message?: string }[]).map(({ path = [], message = '' }) => [path.map(String).join('.'), sentence(message)].filter((part) => part !== '').join(': '));
}

/** A foreign message in the form of {@link Problem.what}: without a full stop. */
export function sentence(message: string): string {
  return message.trim().replace(/\.$/, '');
}

/** A value as it appears in a problem: short, on one line. */
export function shown(value: unknown): string {
  if (typeof value === 'function') return `a function`;
  if (typeof value === 'bigint' || typeof value === 'symbol' || value === undefined) return String(value);
  if (typeof value === 'number') return String(value);
  let text: string;
  try {
    text = JSON.stringify(value) ?? typeof value;
  } catch {
    text = `an ${typeof value}`;
  }
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
