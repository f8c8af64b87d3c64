import { z } from 'zod';
import { pathKey } from '../pipeline/templates.js';
import { suggest } from '../plan/nearest.js';
import { sentence, shown } from '../plan/problem-list.js';
import { innermost, memberInSchema } from '../plan/zod-walk.js';
import { expectedBy, GRAMMAR, NAME_RULE, SPEC_VERSION, type PipelineSpec } from './grammar.js';
import { SpecSource, type SpecPath } from './source.js';
import { SpecError } from './spec-error.js';

/** Options of {@link parseSpec}. */
export interface ParseSpecOptions {
  /** Named in problems. */
  readonly file?: string | undefined;
}

/**
 * Reads the text of a spec, YAML or JSON, and holds it against the grammar. Templates stay as they are, and classes are not
 * loaded: `loadPipeline` does both.
 * @throws SpecError `MILLRACE_SPEC_INVALID` with all problems, each with its line; `MILLRACE_SPEC_VERSION` for a later grammar
 */
export function parseSpec(text: string, options: ParseSpecOptions = {}): PipelineSpec {
  const source = new SpecSource(text, options.file);
  checkVersion(source);
  checkGrammar(source.value, source);
  if (source.problems.length > 0) throw new SpecError(options.file, source.problems);
  return source.value as PipelineSpec;
}

/**
 * Refuses a text that is no YAML, or of a later grammar, before anything else is said of it: its keys may be right there.
 * @throws SpecError
 */
export function checkVersion(source: SpecSource): void {
  if (source.problems.length > 0) throw new SpecError(source.file, source.problems);
  const version = isRecord(source.value) ? source.value['millrace'] : undefined;
  if (typeof version !== 'number' || version <= SPEC_VERSION) return;
  source.problem('MILLRACE_SPEC_VERSION', ['millrace'], `the spec is of version ${version}, and this release reads version ${SPEC_VERSION}`, 'update millrace, or write the spec in the older grammar');
  throw new SpecError(source.file, source.problems, 'MILLRACE_SPEC_VERSION');
}

/**
 * Adds what is wrong with a value to the problems of its source, and returns it; `undefined` where nothing can be made of it.
 * @param templates by path (`pathKey`), what came from variables: their values are not shown
 */
export function checkGrammar(value: unknown, source: SpecSource, templates: ReadonlyMap<string, string> = new Map()): PipelineSpec | undefined {
  const result = GRAMMAR.safeParse(value);
  for (const issue of result.error?.issues ?? []) report(issue, value, source, templates);
  return isRecord(value) ? (value as unknown as PipelineSpec) : undefined;
}

function report(issue: z.core.$ZodIssue, value: unknown, source: SpecSource, templates: ReadonlyMap<string, string>): void {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    for (const key of issue.keys) source.problem('MILLRACE_SPEC_INVALID', [...path, key], `there is no key ${key}`, suggest(key, known, 'keys'), { key: true });
    return;
  }
  if (issue.code === 'invalid_key') {
    const key = String(path.at(-1));
    source.problem('MILLRACE_NAME_INVALID', path, `nothing can be called ${shown(key)}`, `write ${NAME_RULE}`, { key: true });
    return;
  }
  const { at, expected } = expectationAt(path);
  const given = valueAt(value, at);
  const wanted = expected ?? sentence(issue.message);
  const name = String(at.at(-1) ?? 'the spec');
  const template = templates.get(pathKey(at));
  if (template !== undefined) source.problem('MILLRACE_SPEC_INVALID', at, `what ${template} came to is not ${wanted}`, `correct the variable, or ${name}`);
  else if (given === undefined) source.problem('MILLRACE_SPEC_INVALID', at, `${name} is missing`, `write ${wanted}`);
  else source.problem('MILLRACE_SPEC_INVALID', at, `${name} is ${shown(given)}, not ${wanted}`, 'correct it');
}

/** The deepest place on a path of which the grammar says what it expects. */
function expectationAt(path: SpecPath): { readonly at: SpecPath; readonly expected: string | undefined } {
  let best = { at: [] as SpecPath, expected: expectedBy(GRAMMAR) };
  let here: z.core.$ZodType | undefined = GRAMMAR;
  for (const [depth, step] of path.entries()) {
    here = memberInSchema(here, step);
    if (here === undefined) break;
    const expected = expectedBy(here);
    if (expected !== undefined) best = { at: path.slice(0, depth + 1), expected };
  }
  return best;
}

function keysAt(path: SpecPath): readonly string[] {
  const schema = path.reduce<z.core.$ZodType | undefined>(memberInSchema, GRAMMAR);
  const inner = schema && innermost(schema);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape).filter((key) => key !== '$schema') : [];
}

export function valueAt(value: unknown, path: SpecPath): unknown {
  return path.reduce<unknown>((here, step) => (typeof here === 'object' && here !== null && Object.hasOwn(here, step) ? (here as Record<PropertyKey, unknown>)[step] : undefined), value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
