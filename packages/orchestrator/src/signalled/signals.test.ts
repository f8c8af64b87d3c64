import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./fixtures.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** A process that runs a scene of the script. */
class Child {
  readonly lines: string[] = [];
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly errors: string }>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  #waiters: (() => void)[] = [];

  constructor(scene: string) {
    this.#process = spawn(process.execPath, ['--import', 'tsx', SCRIPT, scene], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    this.#process.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    createInterface(this.#process.stdout).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.#waiters.splice(0)) look();
    });
    this.ended = new Promise((resolve) => this.#process.on('close', (code, signal) => resolve({ code, signal, errors })));
  }

  /** Resolves once it has told a line so many times. */
  async told(line: string, times = 1): Promise<void> {
    while (this.lines.filter((each) => each === line).length < times) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  send(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }
}

let child: Child | undefined;
afterEach(async () => {
  child?.send('SIGKILL');
  await child?.ended;
  child = undefined;
});
const start = (scene: string): Child => (child = new Child(scene));

describe('a process with a run', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('drains at the first %s, and exits by itself', async (signal) => {
    const process = start('endless');
    await process.told('running');
    process.send(signal);
    expect(await process.ended).toEqual({ code: 130, signal: null, errors: '' });
    expect(process.lines).toEqual(['running', `interrupt ${signal}`, 'p drained, 0 and 0 listen']);
  });

  it('stops at the second signal', async () => {
    const process = start('twice');
    await process.told('running');
    process.send('SIGTERM');
    await process.told('interrupt SIGTERM');
    process.send('SIGINT');
    expect(await process.ended).toEqual({ code: 130, signal: null, errors: '' });
    expect(process.lines).toEqual(['running', 'interrupt SIGTERM', 'interrupt SIGINT', 'p stopped, 0 and 0 listen']);
  });

  it('ends although a step never returns', async () => {
    const process = start('stuck');
    await process.told('running');
    process.send('SIGTERM');
    expect(await process.ended).toEqual({ code: 115, signal: null, errors: '' });
    expect(process.lines).toEqual(['running', 'interrupt SIGTERM', 'p MILLRACE_TIMEOUT, 0 and 0 listen']);
  });

  it('exits by itself when the run is done', async () => {
    const process = start('short');
    expect(await process.ended).toEqual({ code: 0, signal: null, errors: '' });
    expect(process.lines).toEqual(['running', 'p done, 0 and 0 listen']);
  });

  it('and another one hears signals until both are over, and each run of each signal once', async () => {
    const process = start('two');
    await process.told('q done, 1 and 1 listen');
    await process.told('running', 2);
    process.send('SIGTERM');
    expect(await process.ended).toEqual({ code: 130, signal: null, errors: '' });
    expect(process.lines.toSorted()).toEqual(['interrupt SIGTERM', 'p drained, 0 and 0 listen', 'q done, 1 and 1 listen', 'running', 'running']);
  });

  it('that is not to handle signals is ended by them as any other', async () => {
    const process = start('unheard');
    await process.told('running');
    process.send('SIGTERM');
    expect(await process.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(process.lines).toEqual(['running']);
  });
});
