import type { z } from 'zod';
import { memberInSchema } from '../plan/zod-walk.js';
import { GRAMMAR } from './grammar.js';
import type { SpecPath, SpecSource } from './source.js';
import { mapTexts, resolveText, scalarOf, type Variables } from './templates.js';

/** A text of the spec that came from a variable. */
export interface TemplatedText {
  readonly path: SpecPath;
  /** As it was written. */
  readonly template: string;
  /** The text was one template and nothing else. */
  readonly whole: boolean;
  /** A variable is missing: nothing can be said of the value. */
  readonly failed: boolean;
}

/** Puts variables into every text of a spec; what is missing is a problem. */
export function resolveSpec(value: unknown, variables: Variables, source: SpecSource): { readonly value: unknown; readonly templates: readonly TemplatedText[] } {
  const templates: TemplatedText[] = [];
  const resolved = mapTexts(value, (text, path) => {
    const { text: result, templated, whole, problems } = resolveText(text, variables);
    for (const { unset, what, remedy } of problems) source.problem(unset ? 'MILLRACE_VARIABLE_UNSET' : 'MILLRACE_SPEC_INVALID', path, what, remedy);
    if (templated) templates.push({ path, template: text, whole, failed: problems.length > 0 });
    if (problems.length > 0 || !whole) return result;
    const schema = path.reduce<z.core.$ZodType | undefined>(memberInSchema, GRAMMAR);
    return schema === undefined ? result : fitting(schema as z.ZodType, result);
  });
  return { value: resolved, templates };
}

/** What a variable held, as the schema takes it: the text, or else the number or boolean that it spells. */
export function fitting(schema: z.ZodType, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  const scalar = scalarOf(text);
  return schema.safeParse(scalar).success ? scalar : text;
}
