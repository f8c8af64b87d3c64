import { fileURLToPath } from 'node:url';
import { loadPipeline, MillraceError, type Pipeline, type PipelineDefaults } from '@millrace/core';
import { failureOf, loadModule, pick } from './module.js';
import { isDescription, targetOf } from './target.js';
import { readTypeScript } from './typescript.js';

/** A pipeline, with what its file says of how it is to be run. */
export interface LoadedPipeline {
  readonly pipeline: Pipeline;
  readonly location?: string | undefined;
  readonly defaults?: PipelineDefaults | undefined;
  readonly services?: URL | undefined;
}

export interface LoadOptions {
  /** Of a pipeline that is exported as a class. Default: the class's name in kebab case. */
  readonly name?: string | undefined;
  /** For the templates of a file in YAML or JSON. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

type PipelineClass = new (name: string) => Pipeline;

/**
 * The pipeline that `file`, or `file#Export`, names: a module that exports one or a class of one, or a description.
 * @throws MillraceError `MILLRACE_MODULE_FAILED`, or what the module threw; SpecError for a description with mistakes, all of them
 */
export async function loadPipelineOf(text: string, options: LoadOptions = {}): Promise<LoadedPipeline> {
  const { file, name } = targetOf(text);
  if (isDescription(file)) return await loadPipeline(file, { ...(options.variables === undefined ? {} : { variables: options.variables }), importModule });
  if (options.variables !== undefined) throw new MillraceError('MILLRACE_COMMAND_INVALID', `--var is for the templates of a file in YAML or JSON, which ${file} is not; --set changes parameters`);
  const exported = pick(await loadModule(file), name, file, 'a pipeline', isPipeline);
  if (typeof exported !== 'function') return { pipeline: exported };
  try {
    return { pipeline: new exported(options.name ?? kebab(exported.name)) };
  } catch (thrown) {
    throw failureOf(thrown, exported.name, `the pipeline ${exported.name} of ${file} cannot be made`);
  }
}

async function importModule(url: string): Promise<object> {
  if (url.startsWith('file:')) await readTypeScript(fileURLToPath(url));
  return (await import(url)) as object;
}

/** By shape: the pipeline may come from another copy of the package. */
function isPipeline(value: unknown): value is Pipeline | PipelineClass {
  const shape: unknown = typeof value === 'function' ? value.prototype : value;
  return typeof shape === 'object' && shape !== null && 'definition' in shape && 'plan' in shape;
}

function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}
