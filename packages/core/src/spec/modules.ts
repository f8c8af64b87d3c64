import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suggest } from '../plan/nearest.js';
import { reasonOf } from '../plan/problem-list.js';
import { operatorMetadataOf, operatorRegistry, type OperatorClass } from '../operator/index.js';

/** Loads a module by its URL. */
export type ImportModule = (url: string) => Promise<unknown>;

/** A class, or why there is none. */
export type FoundClass = { readonly type: OperatorClass } | { readonly what: string; readonly remedy: string; readonly cause?: unknown };

/**
 * The URL of a module that a spec names: a path against the file of the spec, a URL, or a package as that file would find it.
 * @throws Error where there is no such package
 */
export function moduleUrl(specifier: string, file: string): string {
  if (/^\.{0,2}[/\\]/.test(specifier)) return pathToFileURL(resolve(dirname(file), specifier)).href;
  if (/^[a-z][a-z\d+.-]+:/i.test(specifier)) return specifier;
  try {
    return pathToFileURL(createRequire(file).resolve(specifier)).href;
  } catch (thrown) {
    // A package for `import` alone is not found that way; beside this one it is found so.
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw thrown;
    return import.meta.resolve(specifier);
  }
}

/** The classes that specs name; each module is loaded once. */
export class Classes {
  readonly #modules = new Map<string, Promise<unknown>>();

  constructor(private readonly file: string, private readonly importModule: ImportModule) {}

  /** Finds `module#Class`: an export of that name, or a class that `@operator(import.meta, { name })` called so. */
  async find(reference: string): Promise<FoundClass> {
    const mark = reference.lastIndexOf('#');
    const [specifier, name] = [reference.slice(0, mark), reference.slice(mark + 1)];
    let url: string | undefined;
    let loaded: unknown;
    try {
      url = moduleUrl(specifier, this.file);
      loaded = await this.#load(url);
    } catch (thrown) {
      return notLoaded(specifier, url, thrown);
    }
    const exported: Readonly<Record<string, unknown>> = typeof loaded === 'object' && loaded !== null ? { ...loaded } : {};
    const type = exported[name];
    if (isOperator(type)) return { type };
    const declared = operatorRegistry.get(`${url}#${name}`);
    if (declared !== undefined) return { type: declared };
    if (typeof type === 'function') return { what: `${name} of ${specifier} is no operator`, remedy: 'write @operator(import.meta) above the class, also above a subclass' };
    const known = Object.entries(exported).flatMap(([key, value]) => (isOperator(value) ? [key] : []));
    return { what: `${specifier} has no operator ${name}`, remedy: known.length === 0 ? 'export the class from there' : suggest(name, known, 'operators there') };
  }

  #load(url: string): Promise<unknown> {
    let loading = this.#modules.get(url);
    if (loading === undefined) this.#modules.set(url, (loading = this.importModule(url)));
    return loading;
  }
}

function isOperator(value: unknown): value is OperatorClass {
  return typeof value === 'function' && operatorMetadataOf(value as OperatorClass) !== undefined;
}

function notLoaded(specifier: string, url: string | undefined, thrown: unknown): FoundClass {
  const path = url?.startsWith('file:') === true ? fileURLToPath(url) : undefined;
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  if (path !== undefined && !existsSync(path)) {
    const twin = [path.replace(/\.js$/, '.ts'), path.replace(/\.ts$/, '.js')].find((other) => other !== path && existsSync(other));
    return { what: `there is no file ${path}`, remedy: twin === undefined ? 'correct the path, which is taken against the file of the spec' : `there is ${twin}; name that, or build first`, cause: thrown };
  }
  if (url === undefined) return { what: `the package ${specifier} cannot be found: ${reasonOf(thrown).split('\n')[0] ?? ''}`, remedy: 'install it, or begin the path of a file with ./', cause: thrown };
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return { what: `${specifier} cannot be loaded: Node.js does not run its kind of file`, remedy: 'TypeScript needs tsx (node --import tsx), or a build first', cause: thrown };
  // What esbuild says, and so tsx, of a decorated field without the option; it does not name the option.
  const remedy = reasonOf(thrown).includes('Decorators are not valid here') ? 'the tsconfig.json that is used needs experimentalDecorators, and its include that file' : 'mend the module; the cause has the whole error';
  return { what: `${specifier} threw while it was loaded: ${reasonOf(thrown)}`, remedy, cause: thrown };
}
