import type { z } from 'zod';
import type { OperatorClass } from '../operator/index.js';
import { markTemplates, pathKey, type TemplateMark } from '../pipeline/templates.js';
import { parseParameters } from '../plan/parameters.js';
import { ProblemList } from '../plan/problem-list.js';
import { memberInSchema } from '../plan/zod-walk.js';
import type { CascadedParameter } from './cascade.js';
import { fitting, type TemplatedText } from './resolve.js';
import type { SpecSource } from './source.js';
import { mapTexts } from './templates.js';

/**
 * The parameters of each operator as they go to `add`, checked against its class. Where one came from a variable, a number or
 * boolean that it spells is taken for one if no text may stand there, and its template is kept for what is printed.
 */
export function checkParameters(types: ReadonlyMap<string, OperatorClass>, parameters: ReadonlyMap<string, ReadonlyMap<string, CascadedParameter>>, templates: readonly TemplatedText[], source: SpecSource): ReadonlyMap<string, object> {
  const byPath = new Map(templates.map((text) => [pathKey(text.path), text]));
  const result = new Map<string, object>();
  for (const [operator, type] of types) {
    const given = parameters.get(operator) ?? new Map<string, CascadedParameter>();
    const marks = new Map<string, TemplateMark>();
    const failed = new Set<string>();
    const values = Object.fromEntries([...given].map(([name, { value, origin }]) => [name, mapTexts(value, (text, path) => {
      const template = byPath.get(pathKey([...origin, ...path]));
      if (template === undefined) return text;
      const inside = [name, ...path];
      if (template.failed) failed.add(inside.map(String).join('.'));
      const schema = inside.reduce<z.core.$ZodType | undefined>(memberInSchema, type.parameters);
      const result = template.whole && schema !== undefined ? fitting(schema as z.ZodType, text) : text;
      marks.set(pathKey(inside), { template: template.template, value: result });
      return result;
    })]));
    result.set(operator, markTemplates(values, marks));

    const found = new ProblemList();
    parseParameters(type.parameters, values, { where: operator, givenIn: 'parameters' }, found);
    for (const { code, where, what, remedy } of found.all()) {
      const inside = where.slice(operator.length + 1);
      if ([...failed].some((path) => inside === path || inside.startsWith(`${path}.`))) continue;
      const [name = '', ...rest] = inside === '' ? [] : inside.split('.');
      const origin = given.get(name)?.origin;
      source.problem(code, origin === undefined ? ['operators', operator, 'parameters'] : [...origin, ...rest], what, remedy, { key: origin === undefined || what.startsWith('there is no'), where: `operators.${operator}.parameters${inside === '' ? '' : `.${inside}`}` });
    }
  }
  return result;
}
