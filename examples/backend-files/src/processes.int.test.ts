import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { scratch } from './fixtures.js';
import { filesBackend } from './index.js';

/** Four processes load TypeScript one after the other. */
const WITH_PROCESSES = 120_000;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const HOME = fileURLToPath(new URL('..', import.meta.url));

let place: ReturnType<typeof scratch>;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

/** Runs the pipeline until it has printed so many lines, and then kills it; or to its end. @returns what it printed */
async function sums(to: number, killAfter = Infinity): Promise<{ readonly lines: readonly string[]; readonly ended: number | string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--location', `files:${join(place.path, 'data')}`, '--to', String(to)], { cwd: HOME, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (lines.length === killAfter) child.kill('SIGKILL');
  }
  const [code, signal] = await exit;
  return { lines, ended: code ?? signal ?? 'unknown' };
}

it('a pipeline that is killed over and over counts every number once', { timeout: WITH_PROCESSES }, async () => {
  const to = 40_000;
  for (const killAfter of [1, 3, 10, Infinity]) {
    const { lines, ended } = await sums(to, killAfter);
    expect(ended).toBe(killAfter === Infinity ? 0 : 'SIGKILL');
    // What was printed and not committed is printed again, but never is a sum wrong.
    const counts = lines.map((line) => Number(line.split(' ')[0]));
    expect(lines).toEqual(counts.map((n) => `${n} numbers, sum ${(n * (n + 1)) / 2}`));
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    expect(counts.at(-1) === to).toBe(killAfter === Infinity);
  }
});

it('a folder belongs to one process and one thread at a time', { timeout: WITH_PROCESSES }, async () => {
  const location = `files:${place.path}`;
  const [mine, again] = [await filesBackend.connect(location), await filesBackend.connect(location)];
  await again.close();
  const lock = JSON.stringify(join(place.path, 'lock'));
  const code = `const fs = require('node:fs'); const { tryLock } = require('fs-native-extensions'); const file = fs.openSync(${lock}, 'a+');`;
  const inThread = async (): Promise<unknown> => {
    const worker = new Worker(`${code} require('node:worker_threads').parentPort.postMessage(tryLock(file)); fs.closeSync(file);`, { eval: true });
    const [answer] = (await once(worker, 'message')) as [unknown];
    await worker.terminate();
    return answer;
  };
  expect(await inThread()).toBe(false);
  await mine.close();
  expect(await inThread()).toBe(true);

  const child = spawn(process.execPath, ['-e', `${code} console.log(tryLock(file)); setInterval(() => {}, 1000);`], { cwd: HOME, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    expect(line).toBe('true');
    await expect(filesBackend.connect(location)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE_FAILED', message: expect.stringContaining('in use by another process') });
    child.kill('SIGKILL');
  }
  await exit;
  await (await filesBackend.connect(location)).close();
});
