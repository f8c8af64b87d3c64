import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../error/index.js';
import type { OperatorClass } from '../operator/index.js';
import type { Pipeline, PipelineDefaults } from '../pipeline/index.js';
import { pathKey } from '../pipeline/templates.js';
import { reasonOf } from '../plan/problem-list.js';
import { build } from './build.js';
import { checkJoints, checkPorts } from './check-ports.js';
import { checkParameters } from './check-parameters.js';
import { cascade } from './cascade.js';
import type { OperatorSpec, PipelineSpec } from './grammar.js';
import { Classes, moduleUrl, type ImportModule } from './modules.js';
import { checkGrammar, checkVersion, isRecord } from './parse.js';
import { againstFile } from './places.js';
import { resolveSpec } from './resolve.js';
import { SpecSource } from './source.js';
import { SpecError } from './spec-error.js';

/** Options of {@link loadPipeline}. */
export interface LoadPipelineOptions {
  /** Variables for templates, before those of the environment. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** How modules are loaded; give one that knows TypeScript where Node.js does not. Default `import()`. */
  readonly importModule?: ImportModule | undefined;
}

/** A pipeline that was made from a spec, and what the spec says of its start. */
export interface LoadedPipeline {
  readonly pipeline: Pipeline;
  /** Where it runs unless the start says otherwise. */
  readonly location?: string;
  readonly defaults?: PipelineDefaults;
  /** The module of its services, for `services` of `orchestrate`. */
  readonly services?: URL;
  /** As it was written: with templates and prefixes. */
  readonly spec: PipelineSpec;
}

/**
 * Makes a pipeline from a file of YAML or JSON: puts variables in, loads the modules of its classes, and checks names, options,
 * parameters and connections. Nothing is constructed, and no backend is asked.
 * @param file path or `file:` URL
 * @throws SpecError with all problems, each with file, line and column; MillraceError `MILLRACE_SPEC_INVALID` where the file cannot be read
 */
export async function loadPipeline(file: string | URL, options: LoadPipelineOptions = {}): Promise<LoadedPipeline> {
  const { text, path, name } = await readSpecFile(file);
  return loadPipelineText(text, { ...options, path, name });
}

/** The text of a file, its absolute path, and the name under which problems speak of it. */
export async function readSpecFile(file: string | URL): Promise<{ readonly text: string; readonly path: string; readonly name: string }> {
  const path = resolve(typeof file === 'string' && !file.startsWith('file:') ? file : fileURLToPath(file));
  const name = typeof file === 'string' ? file : path;
  try {
    return { text: await readFile(path, 'utf8'), path, name };
  } catch (thrown) {
    throw new MillraceError('MILLRACE_SPEC_INVALID', `the file ${name} cannot be read: ${(thrown as Error).message}`, { cause: thrown });
  }
}

/** Where a text stands, and classes of operators that need not be loaded. */
interface TextOptions extends LoadPipelineOptions {
  readonly path: string;
  readonly name: string;
  readonly known?: ReadonlyMap<string, OperatorClass>;
}

/** As {@link loadPipeline}, from a text that stands at a path. */
export async function loadPipelineText(text: string, { path, name, variables = {}, importModule = (url) => import(url), known = new Map() }: TextOptions): Promise<LoadedPipeline> {
  const source = new SpecSource(text, name);
  checkVersion(source);
  const { value, templates } = resolveSpec(source.value, (variable) => (Object.hasOwn(variables, variable) ? variables[variable] : process.env[variable]), source);
  const spec = checkGrammar(value, source, new Map(templates.map(({ path: at, template }) => [pathKey(at), template])));
  const operators = operatorsOf(spec);

  const classes = new Classes(path, importModule);
  const found = await Promise.all(operators.map(async ([operator, { class: reference }]) => {
    const type = known.get(operator);
    if (type !== undefined) return { operator, result: { type } };
    return { operator, result: /^[^#]+#[^#]+$/.test(reference) ? await classes.find(reference) : undefined };
  }));
  const types = new Map(found.flatMap(({ operator, result }) => {
    if (result !== undefined && 'type' in result) return [[operator, result.type] as const];
    if (result !== undefined) source.problem('MILLRACE_CLASS_NOT_FOUND', ['operators', operator, 'class'], result.what, result.remedy, { cause: result.cause });
    return [];
  }));

  const parameters = cascade(isRecord(spec?.parameters) ? spec.parameters : {}, operators.map(([operator, { parameters: own }]) => ({ name: operator, schema: types.get(operator)?.parameters, own: isRecord(own) ? own : {} })), source);
  const checked = checkParameters(types, parameters, templates, source);
  checkPorts(operators, types, source);
  checkJoints(operators, types, source);
  const services = servicesOf(spec, path, source);
  if (spec === undefined || source.problems.length > 0) throw new SpecError(name, source.problems);

  return {
    pipeline: build(spec, types, checked, path),
    ...(spec.location === undefined ? {} : { location: againstFile(spec.location, path) }),
    ...(spec.defaults === undefined ? {} : { defaults: spec.defaults as PipelineDefaults }),
    ...(services === undefined ? {} : { services }),
    spec: source.value as PipelineSpec,
  };
}

/** The operators that can be looked at, however much else is wrong. */
function operatorsOf(spec: PipelineSpec | undefined): readonly (readonly [string, OperatorSpec])[] {
  const operators: unknown = spec?.operators;
  return isRecord(operators) ? Object.entries(operators).filter((entry): entry is [string, Record<string, unknown> & OperatorSpec] => isRecord(entry[1]) && typeof entry[1]['class'] === 'string') : [];
}

function servicesOf(spec: PipelineSpec | undefined, path: string, source: SpecSource): URL | undefined {
  if (typeof spec?.services !== 'string') return undefined;
  try {
    return new URL(moduleUrl(spec.services, path));
  } catch (thrown) {
    source.problem('MILLRACE_SPEC_INVALID', ['services'], `the module ${spec.services} cannot be found: ${reasonOf(thrown).split('\n')[0] ?? ''}`, 'install the package, or begin the path of a file with ./', { cause: thrown });
    return undefined;
  }
}
