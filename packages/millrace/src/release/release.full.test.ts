import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildImage } from './image.js';
import { packagesLoaded } from './loaded.js';
import { done, run } from './programs.js';
import { LEFT, packPackages, type Tarball } from './tarballs.js';
import { NoRegistry, nodePrograms, UserProject } from './user-project.js';

const MAJORS = [20, 22, 24];
const MINUTES = 60_000;

const sourceOf = (file: string): string => readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8');
/** A program with operators of its own, as a user writes it. */
const OWN = sourceOf('../placement/one-file.ts').replace('../index.js', 'millrace');

let folder: string;
let tarballs: readonly Tarball[];
let nodes: ReadonlyMap<number, string>;
/** Has `millrace`, and nothing that it does not bring. */
let plain: UserProject;
/** Made by `npm create millrace`, with tools. */
let starter: UserProject;
/** Made by it too, from the other template. */
let backend: UserProject;
let created: string;
let noRegistry: string | undefined;
const times: Record<string, number> = {};
const warnings: Record<string, readonly string[]> = {};

beforeAll(async () => {
  folder = join(realpathSync(mkdtempSync(join(tmpdir(), 'millrace-release-'))), 'a new user');
  mkdirSync(folder);
  const start = performance.now();
  tarballs = await packPackages(join(folder, 'packing'));
  times['compile and pack'] = performance.now() - start;
  try {
    nodes = await nodePrograms(join(folder, 'nodes'), MAJORS);
    plain = new UserProject(join(folder, 'plain'), tarballs);
    await install('millrace', plain, 'millrace');
    const creator = new UserProject(join(folder, 'creator'), tarballs);
    await install('create-millrace', creator, 'create-millrace');
    created = done(await creator.bin('create-millrace', '../my first', '--yes')).out;
    starter = new UserProject(join(folder, 'my first'), tarballs);
    await install('the starter', starter);
    done(await creator.bin('create-millrace', '../my backend', '--template', 'backend'));
    backend = new UserProject(join(folder, 'my backend'), tarballs);
    await install('the starter of a backend', backend);
  } catch (error) {
    if (!(error instanceof NoRegistry)) throw error;
    noRegistry = error.message;
  }
}, 20 * MINUTES);
// Tens of thousands of files.
afterAll(() => rm(join(folder, '..'), { recursive: true, force: true }), 5 * MINUTES);

describe('what is packed', () => {
  it('is what users need, and nothing of the tests', () => {
    expect(tarballs.map(({ name }) => name).sort()).toEqual(['@millrace/core', '@millrace/kafka-io', '@millrace/local-io', '@millrace/orchestrator', '@millrace/testing', 'create-millrace', 'millrace']);
    for (const { name, entries } of tarballs) {
      expect(entries, name).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
      expect(entries, name).not.toContain(`dist/${LEFT}`);
      expect(entries.filter((file) => !file.startsWith('templates/') && /\.test\b|\.test-d\b|fixtures|__snapshots__|\/release\/|tsbuildinfo|tsconfig|^\./.test(file)), name).toEqual([]);
    }
  });

  it('has the source of every file that its maps point to', () => {
    for (const { name, entries } of tarballs) {
      const compiled = entries.filter((file) => file.endsWith('.js.map')).map((file) => file.replace(/^dist\/(.*)\.js\.map$/, 'src/$1.ts'));
      expect(compiled.filter((file) => !entries.includes(file)), name).toEqual([]);
    }
  });
});

describe('what is installed', () => {
  beforeEach(({ skip }) => skip(noRegistry !== undefined, noRegistry));

  it('has these sizes and took these times', () => {
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
    const sizes = { plain: plain.installedBytes(), starter: starter.installedBytes() };
    console.log([
      ...tarballs.map(({ name, packed, unpacked, entries }) => `${name}: ${megabytes(packed)} packed, ${megabytes(unpacked)} unpacked, ${entries.length} files`),
      ...Object.entries(times).map(([what, time]) => `${what}: ${(time / 1000).toFixed(1)} s`),
      ...Object.entries(sizes).map(([what, bytes]) => `node_modules of ${what}: ${megabytes(bytes)}`),
    ].join('\n'));
    expect(sizes.plain).toBeLessThan(100e6);
  });

  it('gives npm nothing to warn of', () => {
    // Of a project that has not said which install scripts may run, npm names those of lmdb; the starter says so.
    expect(warnings['millrace']?.filter((line) => !line.startsWith('npm warn install-scripts'))).toEqual([]);
    expect(warnings['create-millrace']).toEqual([]);
    expect(warnings['the starter']).toEqual([]);
    expect(warnings['the starter of a backend']).toEqual([]);
  });

  it('loads the backends that are used, and no other', { timeout: 2 * MINUTES }, async () => {
    plain.write('pipeline.mjs', "import { orchestrate, Pipeline } from 'millrace';\nconst run = await orchestrate(new Pipeline('empty'), { location: process.argv[2] });\nprocess.exitCode = (await run.completed).exitCode;\n");
    const inMemory = await packagesLoaded(plain, ['pipeline.mjs', 'memory:']);
    expect(inMemory).toContain('@millrace/core');
    expect(inMemory.filter((name) => /kafka|lmdb|local-io|fs-native|snappy|lz4|zstd|crc32|pino|prom-client|commander/.test(name))).toEqual([]);
    const inFolder = await packagesLoaded(plain, ['pipeline.mjs', `local:${join(plain.folder, 'data')}`]);
    expect(inFolder).toEqual(expect.arrayContaining(['@millrace/local-io', 'lmdb']));
    expect(inFolder.filter((name) => /kafka|snappy|lz4|zstd|crc32/.test(name))).toEqual([]);
  });

  it('answers as a command where nothing else is installed', { timeout: 2 * MINUTES }, async () => {
    expect(done(await plain.bin('millrace', '--version')).out.trim()).toBe(versionOf(plain));
    expect(done(await plain.bin('millrace', 'doctor')).out).toMatch(/^ok +backend kafka: +installed$/m);
  });
});

describe('the starter', () => {
  beforeEach(({ skip }) => skip(noRegistry !== undefined, noRegistry));

  it('says what to do next, and that works', { timeout: 5 * MINUTES }, async () => {
    expect(created).toContain('npm install');
    done(await starter.script('typecheck'));
    expect(done(await starter.script('test')).out).toMatch(/Tests +2 passed/);
    expect(lastOf(done(await starter.script('start')).out)).toEqual(['sensor-0 1000', 'sensor-1 1000', 'sensor-2 1000']);
    done(await starter.script('build'));
    expect(lastOf(done(await run([process.execPath, 'dist/main.js'], starter.folder)).out)).toEqual(['sensor-0 100', 'sensor-1 100', 'sensor-2 100']);
  });

  it('is an image that runs as nobody of rights, and drains when it is stopped', { timeout: 10 * MINUTES }, async () => {
    const image = await buildImage(starter.folder, join(folder, 'image'));
    expect(image.user).toBe('node');
    expect(readdirSync(image.folder).sort()).toEqual(['dist', 'node_modules', 'package.json']);
    expect(readdirSync(join(image.folder, 'node_modules'))).not.toContain('typescript');
    const [, ...args] = image.command.map((word) => word.replace('/data', join(image.folder, 'data')));
    expect(lastOf(done(await run([process.execPath, ...args], image.folder)).out)).toEqual(['sensor-0 100', 'sensor-1 100', 'sensor-2 100']);
    const pipeline = join(image.folder, 'dist/pipeline.js');
    writeFileSync(pipeline, readFileSync(pipeline, 'utf8').replace('readings: 300 ', 'readings: 300_000_000 '));
    const child = spawn(process.execPath, args, { cwd: image.folder, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await once(child.stdout, 'data');
    child.stdout.resume();
    child.kill('SIGTERM');
    expect(await ended).toBe(130);
  });

  it('takes an own operator, compiled strictly with the declarations of all packages', { timeout: 5 * MINUTES }, async () => {
    starter.write('src/own/tsconfig.json', JSON.stringify({ compilerOptions: { target: 'ES2022', module: 'nodenext', moduleResolution: 'nodenext', types: ['node'], strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true, isolatedModules: true, verbatimModuleSyntax: true, experimentalDecorators: true, skipLibCheck: false, rootDir: '.', outDir: '../../compiled' }, files: ['one-file.ts', 'consumer.ts'] }));
    starter.write('src/own/one-file.ts', OWN);
    starter.write('src/own/consumer.ts', sourceOf('./consumer.test-d.ts'));
    done(await starter.bin('tsc', '-p', 'src/own'));
  });

  it('names the option where tsconfig.json does not include an operator', { timeout: MINUTES }, async () => {
    starter.write('outside.ts', OWN.replaceAll('\nclass', '\nexport class'));
    starter.write('outside.yaml', "millrace: 1\npipeline: outside\noperators: { source: { class: './outside.ts#Source' } }\n");
    const { code, err } = await starter.bin('millrace', 'run', 'outside.yaml');
    expect(err).toMatch(/Decorators are not valid here; .* needs experimentalDecorators/);
    expect(code).toBe(1);
  });

  it('can be one file with all of it but what is native', { timeout: MINUTES }, async () => {
    await build({ absWorkingDir: starter.folder, entryPoints: ['src/own/one-file.ts'], outfile: 'bundled/main.mjs', bundle: true, platform: 'node', format: 'esm', target: 'node20', tsconfig: 'src/own/tsconfig.json', external: ['lmdb', 'fs-native-extensions', '@node-rs/crc32'], banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" }, logLevel: 'error' });
  });

  describe.each(MAJORS)('on Node %i', (major) => {
    const node = (...args: readonly string[]) => run([nodes.get(major)!, ...args], starter.folder);

    it('is that Node', async () => {
      expect(done(await node('--version')).out).toMatch(new RegExp(`^v${major}\\.`));
    });

    it.each([
      ['compiled by tsc', ['compiled/one-file.js']],
      ['loaded by tsx', ['--import', 'tsx', 'src/own/one-file.ts']],
      ['bundled by esbuild', ['bundled/main.mjs']],
    ])('runs the own operator, %s, in processes and threads', { timeout: 3 * MINUTES }, async (name, args) => {
      for (const placement of ['process', 'thread']) {
        const { code, out, err } = await node(...args, placement, join(starter.folder, 'data', `${major} ${name} ${placement}`));
        expect({ code, err }, out).toEqual({ code: 0, err: '' });
        expect(out).toMatch(/^started in \d+\n\[p\.sink#0\] got 1\n\[p\.sink#0\] got 2\ndone\n$/);
      }
    });

    it('passes its tests', { timeout: 3 * MINUTES }, async () => {
      expect(done(await node('node_modules/vitest/vitest.mjs', 'run')).out).toMatch(/Tests +2 passed/);
    });

    it('runs a YAML file, and a doctor finds nothing wrong', { timeout: 3 * MINUTES }, async () => {
      const command = join(starter.folder, 'node_modules/millrace/dist/command/main.js');
      expect(lastOf(done(await node(command, 'run', 'pipeline.yaml', '--location', 'memory:')).out)).toEqual(['sensor-0 1000', 'sensor-1 1000', 'sensor-2 1000']);
      const { out } = done(await node(command, 'doctor'));
      expect(out).toMatch(new RegExp(`^ok +Node\\.js +${major}\\.`, 'm'));
      expect(out).not.toMatch(/^(?:warning|failed|error)/m);
    });
  });
});

describe('the starter of a backend', () => {
  beforeEach(({ skip }) => skip(noRegistry !== undefined, noRegistry));

  it('compiles, passes the conformance suite, and is built when it is packed', { timeout: 5 * MINUTES }, async () => {
    done(await backend.script('typecheck'));
    expect(done(await backend.script('test')).out).toMatch(/Test Files +2 passed/);
    expect(done(await run(['npm', 'pack', '--dry-run', '--json'], backend.folder)).out).toContain('dist/index.d.ts');
  });
});

async function install(what: string, project: UserProject, ...packages: readonly string[]): Promise<void> {
  const installed = await project.install(...packages);
  times[`install ${what}`] = installed.time;
  warnings[what] = installed.warnings;
}

function versionOf(project: UserProject): string {
  return (createRequire(join(project.folder, 'x.js'))('millrace/package.json') as { readonly version: string }).version;
}

/** Each sensor with the readings of its latest mean. */
function lastOf(out: string): readonly string[] {
  const latest = new Map([...out.matchAll(/^(\S+) .* over (\d+) readings$/gm)].map(([, sensor, readings]) => [sensor, readings]));
  return [...latest].map(([sensor, readings]) => `${sensor} ${readings}`).sort();
}
