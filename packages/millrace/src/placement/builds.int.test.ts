import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WITH_CHILDREN } from './fixtures.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./one-file.ts', import.meta.url));
const PACKAGES = ['core', 'orchestrator', 'local-io', 'kafka-io', 'millrace'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-builds-'));
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@millrace'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) if (name !== '@millrace' && name !== 'millrace') symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The project as a user has it whose program was compiled by tsc and whose packages were installed. */
function compiled(): readonly string[] {
  const { compilerOptions } = ts.parseConfigFileTextToJson('tsconfig.base.json', readFileSync(join(ROOT, 'tsconfig.base.json'), 'utf8')).config as { readonly compilerOptions: object };
  const options = ts.convertCompilerOptionsFromJson({ ...compilerOptions, module: 'ESNext', moduleResolution: 'Bundler', sourceMap: false, declaration: false, declarationMap: false }, ROOT).options;
  const compile = (from: string, to: string, change = (text: string): string => text): void => {
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, ts.transpileModule(change(readFileSync(from, 'utf8')), { compilerOptions: options, fileName: from }).outputText);
  };
  for (const name of PACKAGES) {
    const source = join(ROOT, 'packages', name, 'src');
    const target = join(folder, 'node_modules', ...(name === 'millrace' ? ['millrace'] : ['@millrace', name]));
    for (const file of sourcesOf(source)) compile(file, join(target, 'dist', relative(source, file).replace(/\.ts$/, '.js')));
    writeFileSync(join(target, 'package.json'), readFileSync(join(ROOT, 'packages', name, 'package.json')));
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  compile(PROGRAM, join(folder, 'main.js'), (text) => text.replace('../index.js', 'millrace'));
  return [join(folder, 'main.js')];
}

function sourcesOf(source: string): readonly string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$|^placement\/(?:.*int|fixtures)/.test(file)).map((file) => join(source, file));
}

/** One file with all of it but what is native. */
async function bundled(): Promise<readonly string[]> {
  const file = join(folder, 'bundle.mjs');
  await build({ entryPoints: [PROGRAM], outfile: file, bundle: true, platform: 'node', format: 'esm', target: 'node20', tsconfig: join(ROOT, 'tsconfig.json'), external: ['lmdb', '@node-rs/crc32'], banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" }, logLevel: 'error' });
  return [file];
}

const builds: Readonly<Record<string, () => readonly string[] | Promise<readonly string[]>>> = { 'compiled by tsc': compiled, 'bundled by esbuild': bundled, 'loaded by tsx': () => ['--import', 'tsx', PROGRAM] };

it.each(Object.entries(builds))('a program that is %s has its operators found in processes and threads', async (name, prepare) => {
  const args = await prepare();
  for (const placement of ['process', 'thread']) {
    const { lines, pid } = await runProgram([...args, placement, join(folder, `${name.replaceAll(' ', '-')}-${placement}`)]);
    expect(lines).toEqual([`started in ${pid}`, '[p.sink#0] got 1', '[p.sink#0] got 2', 'done']);
  }
}, 2 * WITH_CHILDREN);

function runProgram(args: readonly string[]): Promise<{ readonly lines: readonly string[]; readonly pid: number | undefined }> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, args, { cwd: ROOT }, (error, stdout, stderr) => {
      if (error !== null || stderr !== '') reject(new Error(`${error?.message ?? 'it wrote'}\n${stdout}\n${stderr}`));
      else resolve({ lines: stdout.trim().split('\n'), pid: child.pid });
    });
  });
}
