import { shown } from '../plan/problem-list.js';
import { isRecord } from './parse.js';
import type { SpecPath } from './source.js';

/** Values of variables by name; `undefined` where one is not set. */
export type Variables = (name: string) => string | undefined;

/** What a text with templates came to. */
export interface ResolvedText {
  readonly text: string;
  /** The text was one template and nothing else, so that it may stand for a number or a boolean. */
  readonly whole: boolean;
  /** A template took part, as opposed to an escaped one. */
  readonly templated: boolean;
  /** What is wrong, each with a remedy; the text is then not to be used. */
  readonly problems: readonly { readonly unset: boolean; readonly what: string; readonly remedy: string }[];
}

/** Escaped, well-formed, or what only looks like a template. The default reaches to the first closing mark. */
const TEMPLATE = /\$(\$[{(])|\$\{(?:env:)?([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\((?:env:)?([A-Za-z_]\w*)(?::-([^)]*))?\)|\$([{(])/g;

/**
 * Puts variables into a text: `${NAME}`, or `$(NAME)`, which means the same; `${NAME:-default}` where it may be unset or empty;
 * `$${` for the two characters themselves. pypz writes `${env:NAME}`, which is read too, but takes an unset one for "".
 */
export function resolveText(text: string, variables: Variables): ResolvedText {
  const problems: { unset: boolean; what: string; remedy: string }[] = [];
  let templated = false;
  let whole = false;
  const resolved = text.replace(TEMPLATE, (match: string, escaped?: string, braced?: string, bracedDefault?: string, round?: string, roundDefault?: string, stray?: string) => {
    if (escaped !== undefined) return escaped;
    if (stray !== undefined) {
      problems.push({ unset: false, what: `${shown(text)} holds ${stray === '{' ? '${' : '$('} without a variable`, remedy: 'write ${NAME} or ${NAME:-default}; for the characters themselves write $$ instead of $' });
      return match;
    }
    templated = true;
    whole = match.length === text.length;
    const name = braced ?? round ?? '';
    const standard = bracedDefault ?? roundDefault;
    const value = variables(name);
    if (standard !== undefined) return value === undefined || value === '' ? standard : value;
    if (value === undefined) problems.push({ unset: true, what: `the variable ${name} is not set`, remedy: `set it, or give a default: \${${name}:-default}` });
    return value ?? match;
  });
  return { text: resolved, whole, templated, problems };
}

/** A literal text as a spec has to have it, so that nothing of it is taken for a template. */
export function escapeText(text: string): string {
  return text.replace(/\$(?=[{(])/g, '$$$$');
}

/** Every text in a value, at any depth, replaced; keys stay. */
export function mapTexts(value: unknown, replace: (text: string, path: SpecPath) => unknown, path: SpecPath = []): unknown {
  if (typeof value === 'string') return replace(value, path);
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, replace, [...path, index]));
  if (value instanceof Set) return new Set([...(value as ReadonlySet<unknown>)].map((item, index) => mapTexts(item, replace, [...path, index])));
  if (!isRecord(value) || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, replace, [...path, key])]));
}

/** An object literal, as opposed to an instance of a class. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** What a text says that stands where no text may: a number or a boolean, else itself. */
export function scalarOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : text;
}
