import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** How a child is started. */
export interface Entry {
  readonly file: string;
  /** The module that makes Node.js load TypeScript, where something that the child loads is. */
  readonly tsx: { readonly loader: string; readonly api: string } | undefined;
}

const OWN = /\/placement\/entry(\.[cm]?[jt]s)$/.exec(import.meta.url);
const TYPESCRIPT = /\.[cm]?tsx?(?:\?|$)/;

/**
 * Where a child begins: at the host file beside this one. In a bundle there is none, and the module of an operator, which is the
 * bundle or a part of it, hosts itself.
 */
export function entryOf(modules: readonly string[]): Entry {
  const host = OWN === null ? undefined : fileURLToPath(new URL(`./host${OWN[1]}`, import.meta.url));
  const file = host !== undefined && existsSync(host) ? host : fileURLToPath(modules[0]!);
  return { file, tsx: [file, ...modules].some((module) => TYPESCRIPT.test(module)) ? findTsx(modules) : undefined };
}

/** Modules that a child cannot load, as they are TypeScript and nothing is there that reads it. */
export function unreadable(modules: readonly string[]): readonly string[] {
  const sources = modules.filter((module) => TYPESCRIPT.test(module));
  return sources.length === 0 || hasLoader() || findTsx(modules) !== undefined ? [] : sources;
}

/** Flags for a child process: those of this one, without its debugger, whose port is taken. */
export function flagsOf({ tsx }: Entry, memory: number | undefined): readonly string[] {
  const own = process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
  return [
    ...(memory === undefined ? own : [...own.filter((flag) => !/^--max[-_]old[-_]space[-_]size/.test(flag)), `--max-old-space-size=${memory}`]),
    ...(tsx === undefined || own.some((flag) => /\btsx\b/.test(flag)) ? [] : ['--import', tsx.loader]),
  ];
}

/** The program of a worker thread, which no flag of the process gives a loader: where TypeScript is to be loaded it is registered first. */
export function threadProgram({ file, tsx }: Entry): { readonly code: string; readonly isEval: boolean } {
  if (tsx === undefined) return { code: file, isEval: false };
  return { code: `import(${JSON.stringify(tsx.api)}).then(({ register }) => { register(); return import(${JSON.stringify(pathToFileURL(file).href)}); })`, isEval: true };
}

/** Whether this process was started with something that may load TypeScript. @internal */
export function hasLoader(): boolean {
  return process.execArgv.some((flag) => /^(--import|--loader|--experimental-loader|--require|-r)\b/.test(flag));
}

/** The tsx that the project of these modules has installed, or of this package or the working folder. @param modules URLs @internal */
export function findTsx(modules: readonly string[]): Entry['tsx'] {
  for (const from of [...modules.filter((module) => module.startsWith('file:')), import.meta.url, pathToFileURL(`${process.cwd()}/`).href]) {
    try {
      const require = createRequire(from);
      const home = require.resolve('tsx/package.json');
      // Of its two forms the one for import: the other one does not register.
      const { exports } = require(home) as { readonly exports: { readonly './esm/api': { readonly import: { readonly default: string } } } };
      return { loader: pathToFileURL(require.resolve('tsx')).href, api: new URL(exports['./esm/api'].import.default, pathToFileURL(home)).href };
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}
