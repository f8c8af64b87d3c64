import { z } from 'zod';
import { suggest } from './nearest.js';
import { reasonOf, sentence, type ProblemList } from './problem-list.js';
import { innermost, isOpen } from './zod-walk.js';

/** Whose parameters they are, as the remedies name the place to change. */
export interface ParameterOwner {
  /** `pipeline.operator` or `pipeline.operator.plugin`. */
  readonly where: string;
  /** Where a user gives them: `add`, `@plugin`. */
  readonly givenIn: string;
}

/** What a parse gave: the values, and whether they hold. */
export interface ParsedParameters {
  /** Parsed; where they do not hold, as they were given. */
  readonly values: object;
  readonly valid: boolean;
}

/** Parses parameters strictly: names that the schema does not have are problems too, at any depth that it describes. */
export function parseParameters(schema: z.ZodType, given: unknown, owner: ParameterOwner, problems: ProblemList): ParsedParameters {
  const raw = isRecord(given) ? given : {};
  const named = new Set<string>();
  for (const { path, key, known } of unknownKeys(schema, given, [])) {
    named.add(at(owner.where, [...path, key]));
    unknown(path, key, known, owner, problems);
  }
  let result: z.ZodSafeParseResult<unknown>;
  try {
    result = schema.safeParse(given);
  } catch (thrown) {
    problems.error('MILLRACE_PARAMETER_INVALID', owner.where, `the check of the parameters failed: ${reasonOf(thrown)}`, 'parameters are parsed synchronously; refinements and transforms must neither throw nor be async');
    return { values: raw, valid: false };
  }
  if (result.success) return { values: isRecord(result.data) ? result.data : raw, valid: named.size === 0 };
  for (const issue of result.error.issues) {
    if (issue.code !== 'unrecognized_keys') report(schema, issue, given, owner, problems);
    // What a strict schema refuses is named above already, unless it stands where only zod finds it (in a union).
    else for (const key of issue.keys) if (!named.has(at(owner.where, [...issue.path, key]))) unknown(issue.path, key, [], owner, problems);
  }
  return { values: raw, valid: false };
}

function unknown(path: readonly PropertyKey[], key: string, known: readonly string[], owner: ParameterOwner, problems: ProblemList): void {
  problems.error('MILLRACE_PARAMETER_INVALID', at(owner.where, [...path, key]), `there is no parameter ${key}`, known.length === 0 ? 'remove it' : suggest(key, known, 'parameters'));
}

function report(schema: z.ZodType, issue: z.core.$ZodIssue, given: unknown, owner: ParameterOwner, problems: ProblemList): void {
  const missing = issue.path.length > 0 && issue.code !== 'custom' && valueAt(given, issue.path) === undefined;
  const meaning = describe(schema, issue.path);
  const remedy = `${missing ? 'give it' : 'correct it'} in ${owner.givenIn}${meaning === undefined ? '' : `: ${sentence(meaning)}`}`;
  const what = missing ? `the parameter is missing${issue.code === 'invalid_type' ? `, expected ${issue.expected}` : ''}` : sentence(issue.message);
  problems.error('MILLRACE_PARAMETER_INVALID', at(owner.where, issue.path), what, remedy);
}

/** Keys that neither the schema nor a catch-all of it takes; zod drops those in silence. */
function* unknownKeys(schema: z.core.$ZodType, value: unknown, path: readonly PropertyKey[]): Generator<{ path: readonly PropertyKey[]; key: string; known: readonly string[] }> {
  const inner = innermost(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* unknownKeys(inner.element, item, [...path, index]);
  } else if (inner instanceof z.ZodRecord && isRecord(value)) {
    for (const [key, item] of Object.entries(value)) yield* unknownKeys(inner.valueType, item, [...path, key]);
  } else if (inner instanceof z.ZodObject && isRecord(value)) {
    const shape = inner.shape as Readonly<Record<string, z.core.$ZodType>>;
    for (const [key, item] of Object.entries(value)) {
      const member = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (member !== undefined) yield* unknownKeys(member, item, [...path, key]);
      else if (!isOpen(inner)) yield { path, key, known: Object.keys(shape) };
    }
  }
}

/** What the schema's `.describe()` says of the value at a path. */
function describe(schema: z.core.$ZodType, path: readonly PropertyKey[]): string | undefined {
  let here = schema;
  for (const step of path) {
    const inner = innermost(here);
    const next = inner instanceof z.ZodObject ? (inner.shape as Readonly<Record<PropertyKey, z.core.$ZodType>>)[step] : undefined;
    if (next === undefined) return undefined;
    here = next;
  }
  if (path.length === 0) return undefined;
  return z.globalRegistry.get(here)?.description ?? z.globalRegistry.get(innermost(here))?.description;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((here, step) => (typeof here === 'object' && here !== null ? (here as Record<PropertyKey, unknown>)[step] : undefined), value);
}

function at(where: string, path: readonly PropertyKey[]): string {
  return [where, ...path.map(String)].join('.');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
