import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { done, run } from './programs.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** What a build leaves in `dist` whose source is removed after it. */
export const LEFT = 'removed.js';
const NOT_SOURCES = new Set(['dist', 'node_modules', '.turbo']);

/** A package as the registry would get it. */
export interface Tarball {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  /** Bytes of the file, and of what it holds. */
  readonly packed: number;
  readonly unpacked: number;
  /** Paths of what it holds, against the folder of the package. */
  readonly entries: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/**
 * Builds all public packages and packs them: a copy of them, each with a file that an earlier build left in its `dist`.
 * @param folder a new one, for the copy and the tarballs
 */
export async function packPackages(folder: string): Promise<readonly Tarball[]> {
  for (const { path } of inOrder(copyPackages(folder))) {
    mkdirSync(join(path, 'dist'));
    writeFileSync(join(path, 'dist', LEFT), '');
    // The type check has its own command, and its errors do not change what is written.
    done(await run(['npm', 'run', 'build', '--', '--noCheck'], path));
  }
  const tarballs = join(folder, 'tar balls');
  mkdirSync(tarballs);
  return (await npmPack(folder, ['--workspaces', '--pack-destination', tarballs])).map(({ name, filename, size, unpackedSize, files }) => ({
    name, file: join(tarballs, basename(filename)), packed: size, unpacked: unpackedSize, entries: files.map(({ path }) => path),
  }));
}

/** Paths of the sources that each public package would take along, by its name. Nothing is compiled or written. */
export async function packedSources(): Promise<ReadonlyMap<string, readonly string[]>> {
  const packed = await npmPack(ROOT, ['--dry-run', '--ignore-scripts', ...publicPackages().flatMap(({ path }) => ['--workspace', path])]);
  return new Map(packed.map(({ name, files }) => [name, files.map(({ path }) => path).filter((path) => path.startsWith('src/'))]));
}

async function npmPack(folder: string, args: readonly string[]): Promise<readonly Packed[]> {
  const { out } = done(await run(['npm', 'pack', '--json', ...args], folder));
  // An object by name, or a list: versions of npm differ.
  return Object.values(JSON.parse(out) as Readonly<Record<string, Packed>>);
}

interface Package {
  readonly path: string;
  readonly manifest: Manifest;
}

/** The public packages in a workspace that has the root's dependencies, none of them compiled. */
function copyPackages(folder: string): readonly Package[] {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@millrace'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "workspaces": ["packages/*"] }');
  cpSync(join(ROOT, 'tsconfig.base.json'), join(folder, 'tsconfig.base.json'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) if (!/millrace$/.test(name)) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  return publicPackages().map(({ path: source, manifest }) => {
    const path = join(folder, 'packages', basename(source));
    cpSync(source, path, { recursive: true, filter: (from) => dirname(from) !== source || !NOT_SOURCES.has(basename(from)) });
    // Versions that differ from those at the root.
    if (existsSync(join(source, 'node_modules'))) symlinkSync(join(source, 'node_modules'), join(path, 'node_modules'));
    symlinkSync(path, join(modules, manifest.name));
    return { path, manifest };
  });
}

function publicPackages(): readonly Package[] {
  return readdirSync(join(ROOT, 'packages')).flatMap((directory) => {
    const path = join(ROOT, 'packages', directory);
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest;
    return manifest.private === true ? [] : [{ path, manifest }];
  });
}

/** Each after those that it depends on. */
function inOrder(packages: readonly Package[]): readonly Package[] {
  const ordered = new Set<Package>();
  const add = (each: Package): void => {
    for (const name of Object.keys(each.manifest.dependencies ?? {})) {
      const other = packages.find(({ manifest }) => manifest.name === name);
      if (other !== undefined && !ordered.has(other)) add(other);
    }
    ordered.add(each);
  };
  packages.forEach(add);
  return [...ordered];
}
