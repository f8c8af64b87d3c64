import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { done, run, type Ended } from './programs.js';
import type { Tarball } from './tarballs.js';

/** A line of npm's that says that the registry was not there to ask. */
const NO_REGISTRY = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/;

/** That dependencies of ours could not be had, which says nothing of our packages. */
export class NoRegistry extends Error {}

export interface Installed {
  /** Milliseconds. */
  readonly time: number;
  /** Lines. */
  readonly warnings: readonly string[];
}

interface Manifest {
  readonly private?: boolean;
  readonly type?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** A project of somebody who has none of our sources: what it has of Millrace are tarballs. */
export class UserProject {
  constructor(
    readonly folder: string,
    private readonly tarballs: readonly Tarball[],
  ) {
    mkdirSync(folder, { recursive: true });
  }

  /**
   * `npm install` of what its package.json asks for and of more. Packages of ours, at whatever depth, come from their
   * tarballs, and others from npm's cache, else from its registry.
   * @throws NoRegistry
   */
  async install(...more: readonly string[]): Promise<Installed> {
    const file = join(this.folder, 'package.json');
    const manifest: Manifest = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Manifest) : { private: true, type: 'module' };
    const files = new Map(this.tarballs.map(({ name, file }) => [name, `file:${file}`]));
    const ours = (dependencies: Readonly<Record<string, string>> = {}) => Object.fromEntries(Object.entries(dependencies).map(([name, range]) => [name, files.get(name) ?? range]));
    const dependencies = { ...ours(manifest.dependencies), ...Object.fromEntries(more.map((name) => [name, files.get(name) ?? '*'])) };
    const devDependencies = ours(manifest.devDependencies);
    const overrides = Object.fromEntries([...files].filter(([name]) => !(name in dependencies) && !(name in devDependencies)));
    writeFileSync(file, JSON.stringify({ ...manifest, dependencies, devDependencies, overrides }, undefined, 2));
    const start = performance.now();
    const { err } = await npmInstall(this.folder, []);
    return { time: performance.now() - start, warnings: err.split('\n').filter((line) => line.startsWith('npm warn')) };
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  /** Runs a command of its `node_modules/.bin`. */
  bin(name: string, ...args: readonly string[]): Promise<Ended> {
    return run([join(this.folder, 'node_modules', '.bin', name), ...args], this.folder);
  }

  /** `npm run`. */
  script(name: string): Promise<Ended> {
    return run(['npm', 'run', '--silent', name], this.folder);
  }

  /** Bytes of all files in `node_modules`. */
  installedBytes(): number {
    const modules = join(this.folder, 'node_modules');
    return readdirSync(modules, { recursive: true, encoding: 'utf8' }).reduce((sum, file) => {
      const stat = lstatSync(join(modules, file));
      return sum + (stat.isFile() ? stat.size : 0);
    }, 0);
  }
}

/**
 * Programs of Node.js by their major version: the running one for its own, others as npm carries them.
 * @param folder a new one
 * @throws NoRegistry
 */
export async function nodePrograms(folder: string, majors: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const running = Number(process.versions.node.split('.')[0]);
  const others = majors.filter((major) => major !== running);
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  await npmInstall(folder, others.map((major) => `node-${major}@npm:node-${platform}@${major}`));
  const program = (major: number) => (major === running ? process.execPath : join(folder, 'node_modules', `node-${major}`, 'bin', process.platform === 'win32' ? 'node.exe' : 'node'));
  return new Map(majors.map((major) => [major, program(major)]));
}

async function npmInstall(folder: string, packages: readonly string[]): Promise<Ended> {
  const ended = await run(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], folder);
  if (ended.code !== 0 && NO_REGISTRY.test(ended.err)) throw new NoRegistry(`npm reached no registry and its cache lacks a package: ${ended.err.trim().split('\n')[0]}`);
  return done(ended);
}
