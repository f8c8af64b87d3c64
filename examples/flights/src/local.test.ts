import { execFileSync, spawn } from 'node:child_process';
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
/** So many that the process is killed in the middle even on a quick machine. */
const ROWS = 1_000_000;
const ROWS_IN_PROCESSES = 300_000;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flights-local-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The demo in a process of its own, on the folder. @param onLine is told what it prints, and its process number */
async function demo(onLine: (line: string, pid: number) => void = () => {}, { rows = ROWS, placement = 'inline' } = {}): Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--location', `local:${folder}`, '--flights', `${rows}`, '--delivery', 'exactly-once', '--placement', placement], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => {
    lines.push(stripVTControlCharacters(line));
    onLine(line, child.pid as number);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, out: `${lines.join('\n')}\n` };
}

const isUnderWay = (line: string): boolean => /aggregator [1-9]/.test(line);

/** Numbers of the processes that a run has begun. */
function replicasOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n').map((row) => row.trim().split(/\s+/));
  return rows.filter(([, parent, ...command]) => parent === `${pid}` && command.some((word) => word.includes('placement/host'))).map(([child]) => Number(child));
}

async function expectRanking({ code, out }: { readonly code: number | null; readonly out: string }, rows: number): Promise<void> {
  expect(code).toBe(0);
  expect(out).toContain(`The 10 airports with the worst mean delay, of ${rows.toLocaleString('en')} flights\n`);
  expect(out).toContain(stripVTControlCharacters(table((await onePass(rows)) as Ranked[])));
}

// Real amounts of data: a busy machine takes its time.
describe('in a folder', { timeout: 120_000 }, () => {
  it('the ten worst airports are those of one pass over the files, also when the process is killed in the middle', async () => {
    const killed = await demo((line, pid) => {
      if (isUnderWay(line)) process.kill(pid, 'SIGKILL');
    });
    expect(killed).toMatchObject({ code: null, signal: 'SIGKILL' });
    await expectRanking(await demo(), ROWS);
  });

  it('nor does it matter that a process of any replica is killed', async () => {
    const victims: number[] = [];
    const result = await demo((line, pid) => {
      if (victims.length > 0 || !isUnderWay(line)) return;
      victims.push(...replicasOf(pid));
      for (const victim of victims) process.kill(victim, 'SIGKILL');
    }, { rows: ROWS_IN_PROCESSES, placement: 'process' });
    expect(victims).toHaveLength(7);
    await expectRanking(result, ROWS_IN_PROCESSES);
  });
});
