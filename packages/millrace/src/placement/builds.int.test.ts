import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WITH_CHILDREN } from './fixtures.js';
import { compile, installPackages } from './installed.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./one-file.ts', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-builds-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The project as a user has it whose program was compiled by tsc and whose packages were installed. */
function compiled(): readonly string[] {
  const main = join(folder, 'main.js');
  installPackages(folder);
  writeFileSync(main, compile(readFileSync(PROGRAM, 'utf8').replace('../index.js', 'millrace')));
  return [main];
}

/** One file with all of it but what is native. */
async function bundled(): Promise<readonly string[]> {
  const file = join(folder, 'bundle.mjs');
  await build({ entryPoints: [PROGRAM], outfile: file, bundle: true, platform: 'node', format: 'esm', target: 'node20', tsconfig: join(ROOT, 'tsconfig.json'), external: ['lmdb', 'fs-native-extensions', '@node-rs/crc32'], banner: { js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);" }, logLevel: 'error' });
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
