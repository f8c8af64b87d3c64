import { builtinModules } from 'node:module';
import { UserError } from './arguments.js';

/** Names that npm refuses, and one that would depend on itself. */
const TAKEN = new Set([...builtinModules, 'node_modules', 'favicon.ico', 'millrace']);
/** Schemes of locations that Millrace has itself. */
const SCHEMES = new Set(['memory', 'local', 'kafka', 'kafkas']);

/** What keeps a text from being the name of a package, or undefined. The rules are npm's (validate-npm-package-name). */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > 214) return 'it is longer than 214 characters';
  if (!/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name)) return 'it may have lower-case letters, digits, "-", "." and "_", a scope as in @acme/name, and not begin with "." or "_"';
  return TAKEN.has(name) ? 'it is taken' : undefined;
}

/** @throws UserError */
export function checkName(name: string): string {
  const problem = nameProblem(name);
  if (problem !== undefined) throw new UserError(`${JSON.stringify(name)} is no name for a package: ${problem}; --name gives another`);
  return name;
}

/** A package's name made from that of its folder: `My Orders` is `my-orders`. */
export function nameOf(folder: string): string {
  return folder.toLowerCase().replace(/[^a-z0-9._~-]+/g, '-').replace(/^[-._]+|-+$/g, '');
}

/** The scheme of the locations of a backend, made from its package's name: `@acme/my-files` has `myfiles:`. @throws UserError */
export function schemeOf(name: string): string {
  const scheme = name.replace(/^@[^/]*\//, '').replace(/[^a-z0-9]/g, '').replace(/^[0-9]+/, '');
  if (scheme !== '' && !SCHEMES.has(scheme)) return scheme;
  throw new UserError(`${JSON.stringify(name)} gives the locations of the backend ${scheme === '' ? 'no scheme' : `the scheme ${scheme}:, which Millrace has already`}; --name gives another`);
}
