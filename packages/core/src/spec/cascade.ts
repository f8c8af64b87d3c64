import { suggest } from '../plan/nearest.js';
import { innermost, isOpen } from '../plan/zod-walk.js';
import { z } from 'zod';
import type { SpecPath, SpecSource } from './source.js';

/** A parameter as it reached an operator, and where in the spec it stands. */
export interface CascadedParameter {
  readonly value: unknown;
  readonly origin: SpecPath;
}

/** Who gets a parameter: `#` = here and below, `>` = below only, one character a level; levels are pipeline, operators, plugins. */
interface Reach {
  readonly name: string;
  readonly pipeline: boolean;
  readonly operators: boolean;
  readonly plugins: boolean;
}

/** Takes a cascading name apart as pypz does, `level` 0 for a pipeline's, 1 for an operator's, 2 for a plugin's. */
export function reachOf(key: string, level: 0 | 1 | 2): Reach {
  const reached = [false, false, false];
  // A value on its way down: at each level the first character is taken off, and `#` also stays.
  const walk = (name: string, at: number): void => {
    if (at > 2) return;
    const first = name[0];
    if (first !== '>') reached[at] = true;
    if (first === '#' || first === '>') walk(name.slice(1), at + 1);
  };
  walk(key, level);
  return { name: key.replace(/^[#>]+/, ''), pipeline: reached[0] ?? false, operators: reached[1] ?? false, plugins: reached[2] ?? false };
}

/** An operator as far as cascades ask for it. */
export interface CascadeTarget {
  readonly name: string;
  readonly schema: z.ZodObject | undefined;
  readonly own: Readonly<Record<string, unknown>>;
}

/**
 * The parameters of each operator: first those that the pipeline's reach it with, then its own, in their order. One of the
 * pipeline's goes to the operators that have a parameter of its name; where none has, it is a problem.
 */
export function cascade(given: Readonly<Record<string, unknown>>, targets: readonly CascadeTarget[], source: SpecSource): ReadonlyMap<string, ReadonlyMap<string, CascadedParameter>> {
  const result = new Map(targets.map(({ name }) => [name, new Map<string, CascadedParameter>()]));
  for (const [key, value] of Object.entries(given)) {
    const origin = ['parameters', key];
    const { name, operators } = reachOf(key, 0);
    if (!operators) refuse(key, name, origin, `>${name}`, source);
    else {
      const takers = targets.filter(({ schema }) => schema === undefined || takes(schema, name));
      const known = targets.flatMap(({ schema }) => (schema === undefined ? [] : keysOf(schema)));
      if (takers.length === 0) source.problem('MILLRACE_PARAMETER_INVALID', origin, `no operator has a parameter ${name}`, suggest(name, new Set(known), 'parameters'), { key: true });
      for (const taker of takers) result.get(taker.name)?.set(name, { value, origin });
    }
  }
  for (const { name: operator, own } of targets) {
    for (const [key, value] of Object.entries(own)) {
      const origin = ['operators', operator, 'parameters', key];
      const { name, operators } = reachOf(key, 1);
      if (operators) result.get(operator)?.set(name, { value, origin });
      else refuse(key, name, origin, name, source);
    }
  }
  return result;
}

function refuse(key: string, name: string, origin: SpecPath, instead: string, source: SpecSource): void {
  const pipelineOnly = !/^[#>]/.test(key);
  source.problem(
    'MILLRACE_PARAMETER_INVALID',
    origin,
    pipelineOnly ? `a pipeline has no parameters of its own, and ${key} reaches nothing else` : `${key} reaches plugins only, which take their parameters from their operator`,
    pipelineOnly ? `write ${instead} to give it to the operators` : `write ${instead}, and hand it on in @plugin(Class, { parameters: ({ ${name} }) => ({ ${name} }) })`,
    { key: true },
  );
}

function keysOf(schema: z.ZodObject): readonly string[] {
  return Object.keys(schema.shape);
}

function takes(schema: z.ZodObject, name: string): boolean {
  const inner = innermost(schema);
  return inner instanceof z.ZodObject && (isOpen(inner) || Object.hasOwn(inner.shape, name));
}
