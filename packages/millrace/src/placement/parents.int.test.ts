import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until, WITH_CHILDREN } from './fixtures.js';

let folder: string;
let program: ChildProcessByStdio<null, Readable, null>;
let pid: number | undefined;
let lines: string[];
let ended: Promise<number | null>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-parents-'));
});

afterEach(async () => {
  for (const each of [program.pid, pid]) if (each !== undefined && isThere(each)) process.kill(each, 'SIGKILL');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program in a process group of its own, as a shell does, and waits until its child works. */
async function start(scene: string): Promise<void> {
  lines = [];
  pid = undefined;
  program = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('./program.ts', import.meta.url)), scene, folder], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  createInterface(program.stdout).on('line', (line) => lines.push(line));
  ended = new Promise((resolve) => program.on('close', resolve));
  await until('the child to work', () => lines.some((line) => line.startsWith('works in ')));
  pid = Number(lines[0]!.split(' ').at(-1));
}

function isThere(of: number): boolean {
  try {
    process.kill(of, 0);
    return true;
  } catch {
    return false;
  }
}

it('a process that loses its parent stops as at once', async () => {
  await start('interrupts');
  process.kill(program.pid!, 'SIGKILL');
  await until('the child to end', () => !isThere(pid!));
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('disconnect\n');
}, WITH_CHILDREN);

it('also one whose event loop is blocked', async () => {
  await start('hang once');
  await until('the child to hang', () => existsSync(join(folder, 'file')));
  process.kill(program.pid!, 'SIGKILL');
  await until('the child to end', () => !isThere(pid!));
}, WITH_CHILDREN);

it('a signal to the whole process group, as a terminal sends it, is heard once', async () => {
  await start('interrupts');
  process.kill(-program.pid!, 'SIGINT');
  expect(await ended).toBe(130);
  expect(lines.at(-1)).toBe('drained');
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('SIGINT\n');
  expect(isThere(pid!)).toBe(false);
}, WITH_CHILDREN);

it('a second one stops it at once, whatever hangs there', async () => {
  await start('hang once');
  await until('the child to hang', () => existsSync(join(folder, 'file')));
  process.kill(-program.pid!, 'SIGTERM');
  process.kill(-program.pid!, 'SIGINT');
  await ended;
  expect(lines.at(-1)).toBe('MILLRACE_TIMEOUT');
  expect(isThere(pid!)).toBe(false);
}, WITH_CHILDREN);
