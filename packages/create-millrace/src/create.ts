import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError, type Template } from './arguments.js';
import { checkName, nameOf, schemeOf } from './names.js';

/** The folder of this package, from its sources and from what is built of them. */
const home = fileURLToPath(new URL('..', import.meta.url));

/** Files that would have a meaning to npm and other tools within this package: what they are called in a template, and in a project. */
const NAMES: Readonly<Record<string, string>> = { '_package.json': 'package.json', _gitignore: '.gitignore', _dockerignore: '.dockerignore' };

export interface Project {
  /** Against the working folder. */
  readonly folder: string;
  readonly template: Template;
  /** Of the package. Default: made from the folder's. */
  readonly name?: string | undefined;
}

export interface Created {
  /** Absolute. */
  readonly folder: string;
  readonly name: string;
  /** Against the folder, sorted. */
  readonly files: readonly string[];
}

/** The version of this package, and of the Millrace that its projects use: they are released together. */
export async function version(): Promise<string> {
  return (JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { readonly version: string }).version;
}

/**
 * Makes a project of a template in a new or empty folder.
 * @throws UserError where the folder or the name cannot be used; then nothing was written
 */
export async function create({ folder, template, name }: Project): Promise<Created> {
  const target = await checkFolder(folder);
  const checked = checkName(name ?? nameOf(basename(target)));
  const values = new Map([['{{name}}', checked], ['{{millrace}}', await version()]]);
  if (template === 'backend') for (const [placeholder, value] of schemesOf(checked)) values.set(placeholder, value);

  const source = join(home, 'templates', template);
  const files: string[] = [];
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const file = join(entry.parentPath.slice(source.length + 1), NAMES[entry.name] ?? entry.name);
    const text = await readFile(from, 'utf8');
    await mkdir(dirname(join(target, file)), { recursive: true });
    await writeFile(join(target, file), filled(text, values), { flag: 'wx' });
    files.push(file);
  }
  return { folder: target, name: checked, files: files.sort() };
}

/** What keeps a folder from being made into a project, or undefined. */
export async function folderProblem(folder: string): Promise<string | undefined> {
  try {
    await checkFolder(folder);
    return undefined;
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
}

async function checkFolder(folder: string): Promise<string> {
  // eslint-disable-next-line no-control-regex -- they would write over the terminal of whoever lists the folder
  if (folder.trim() === '' || /[\u0000-\u001f\u007f]/.test(folder)) throw new UserError(`${JSON.stringify(folder)} is no name for a folder`);
  const target = resolve(folder);
  let entries: readonly string[];
  try {
    entries = await readdir(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return target;
    throw new UserError(code === 'ENOTDIR' ? `${target} is not a folder, or lies below a file` : `${target} cannot be read: ${(error as Error).message}`);
  }
  const others = entries.filter((entry) => entry !== '.git');
  if (others.length > 0) throw new UserError(`${target} is not empty: it has ${others.slice(0, 3).join(', ')}${others.length > 3 ? ' and more' : ''}; name a new folder`);
  return target;
}

/** The template's own scheme and names, which are those of code that compiles, and what takes their place. */
function schemesOf(name: string): readonly (readonly [string, string])[] {
  const scheme = schemeOf(name);
  return [['skeleton', scheme], ['Skeleton', scheme.replace(/^./, (first) => first.toUpperCase())]];
}

/** Fills all placeholders in at once: a value is never looked through for the next one. */
function filled(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(new RegExp([...values.keys()].join('|'), 'g'), (placeholder) => values.get(placeholder) ?? placeholder);
}
