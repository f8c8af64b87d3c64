import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onePass } from './one-pass.js';
import type { Ranked } from './scoreboard.js';
import { table } from './table.js';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ROWS = 1_000_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flights-local-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The demo in a process of its own, on the folder. @param until kills it at the first line that this is true of */
async function demo(until: (line: string) => boolean = () => false): Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--location', `local:${folder}`, '--flights', `${ROWS}`, '--delivery', 'exactly-once'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(stripVTControlCharacters(line));
    if (until(line)) child.kill('SIGKILL');
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, out: `${lines.join('\n')}\n` };
}

// Real amounts of data: a busy machine takes its time.
describe('in a folder', { timeout: 120_000 }, () => {
  it('the ten worst airports are those of one pass over the files, also when the process is killed in the middle', async () => {
    expect(await demo((line) => /aggregator [1-9]/.test(line))).toMatchObject({ code: null, signal: 'SIGKILL' });
    const { code, out } = await demo();
    expect(code).toBe(0);
    expect(out).toContain(`The 10 airports with the worst mean delay, of ${ROWS.toLocaleString('en')} flights\n`);
    expect(out).toContain(stripVTControlCharacters(table((await onePass(ROWS)) as Ranked[])));
  });
});
