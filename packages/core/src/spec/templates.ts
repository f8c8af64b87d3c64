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

/** A part of a text: what stands for itself, a variable, or what only looks like one. */
export type TextPart =
  | { readonly literal: string }
  | { readonly variable: string; readonly standard: string | undefined; readonly open: '{' | '(' }
  | { readonly stray: '{' | '(' };

/** Dollars before a bracket: two are one of the text, and one that is left over begins a template. A default reaches to the first closing mark. */
const TEMPLATE = /(?<!\$)((?:\$\$)*)(?:\$\{(?:env:)?([A-Za-z_]\w*)(?::-([^}]*))?\}|\$\((?:env:)?([A-Za-z_]\w*)(?::-([^)]*))?\)|\$([{(])|(?<=\$)(?=[{(]))/g;

/** Takes a text with templates apart. */
export function partsOf(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let literal = '';
  let rest = 0;
  const add = (part: TextPart): void => {
    if (literal !== '') parts.push({ literal });
    literal = '';
    parts.push(part);
  };
  for (const match of text.matchAll(TEMPLATE)) {
    const [whole, dollars = '', braced, bracedDefault, round, roundDefault, stray] = match;
    literal += text.slice(rest, match.index) + dollars.slice(dollars.length / 2);
    rest = match.index + whole.length;
    if (stray !== undefined) add({ stray: stray as '{' | '(' });
    else if (braced !== undefined) add({ variable: braced, standard: bracedDefault, open: '{' });
    else if (round !== undefined) add({ variable: round, standard: roundDefault, open: '(' });
  }
  literal += text.slice(rest);
  if (literal !== '') parts.push({ literal });
  return parts;
}

/**
 * Puts variables into a text: `${NAME}`, or `$(NAME)`, which means the same; `${NAME:-default}` where it may be unset or empty;
 * `$${` for the two characters themselves. pypz writes `${env:NAME}`, which is read too, but takes an unset one for "".
 */
export function resolveText(text: string, variables: Variables): ResolvedText {
  const problems: { unset: boolean; what: string; remedy: string }[] = [];
  const parts = partsOf(text);
  const resolved = parts.map((part) => {
    if ('literal' in part) return part.literal;
    if ('stray' in part) {
      problems.push({ unset: false, what: `${shown(text)} holds $${part.stray} without a variable`, remedy: 'write ${NAME} or ${NAME:-default}; for the characters themselves write $$ instead of $' });
      return `$${part.stray}`;
    }
    const { variable, standard } = part;
    const value = variables(variable);
    if (standard !== undefined) return value === undefined || value === '' ? standard : value;
    if (value === undefined) problems.push({ unset: true, what: `the variable ${variable} is not set`, remedy: `set it, or give a default: \${${variable}:-default}` });
    return value ?? '';
  });
  const templated = parts.some((part) => 'variable' in part);
  return { text: resolved.join(''), whole: templated && parts.length === 1, templated, problems };
}

/** A literal text as a spec has to have it, so that nothing of it is taken for a template. */
export function escapeText(text: string): string {
  return text.replace(/\$+(?=[{(])/g, (dollars) => dollars + dollars);
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
