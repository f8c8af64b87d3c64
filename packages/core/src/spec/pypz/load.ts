import { readSpecFile, loadPipelineText, type LoadedPipeline, type LoadPipelineOptions } from '../load.js';
import { Classes } from '../modules.js';
import type { OperatorClass } from '../../operator/index.js';
import { innermost, isOpen } from '../../plan/zod-walk.js';
import { z } from 'zod';
import { formatProblem } from '../../error/index.js';
import type { OperatorSpec } from '../grammar.js';
import { stringifySpec } from '../to-spec.js';
import { mockOf } from './mock.js';
import { parsePypz, type ParsePypzOptions } from './read.js';

/** Options of {@link loadPypz}. */
export interface LoadPypzOptions extends LoadPipelineOptions, Pick<ParsePypzOptions, 'classes'> {}

/** A pipeline that was made from the YAML of pypz. */
export interface LoadedPypz extends LoadedPipeline {
  /** What has no counterpart and was left out, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Makes a pipeline from a file in the YAML of pypz. Classes are found by the table, against the file; for others something stands
 * that has their ports and cannot run. A parameter that a class does not have is left out, as pypz passes it over.
 * @throws SpecError with all problems; where they are about what the YAML was turned into, they show its lines
 */
export async function loadPypz(file: string | URL, options: LoadPypzOptions = {}): Promise<LoadedPypz> {
  const { text, path, name } = await readSpecFile(file);
  const { spec, unmapped, warnings } = parsePypz(text, { file: name, classes: options.classes });
  const classes = new Classes(path, options.importModule ?? ((url) => import(url)));
  const known = new Map<string, OperatorClass>([...unmapped].map(([operator, what]) => [operator, mockOf(what)]));
  const dropped: string[] = [];
  const operators = await Promise.all(Object.entries(spec.operators).map(async ([operator, given]): Promise<[string, OperatorSpec]> => {
    const found = known.has(operator) ? undefined : await classes.find(given.class);
    if (found === undefined || !('type' in found) || given.parameters === undefined) return [operator, given];
    const schema = innermost(found.type.parameters);
    const kept = Object.entries(given.parameters).filter(([key]) => {
      const takes = schema instanceof z.ZodObject && (isOpen(schema) || Object.hasOwn(schema.shape, key));
      if (!takes) dropped.push(`${spec.pipeline}.${operator}: the class has no parameter ${key}; it is left out, as pypz passes it over`);
      return takes;
    });
    return [operator, { ...given, parameters: Object.fromEntries(kept) }];
  }));
  const loaded = await loadPipelineText(stringifySpec({ ...spec, operators: Object.fromEntries(operators) }), { ...options, path, name: `${name}, from pypz`, known });
  return { ...loaded, warnings: [...warnings.map(formatProblem), ...dropped] };
}
