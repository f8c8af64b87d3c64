import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The published packages that the tests talk to, and the one that `operators.py` imports beside them. */
const PACKAGES = ['pypz-core==0.10.2', 'pypz-kafka-io==0.10.2', 'pypz-rmq-io==0.10.2'];
const SCRIPTS = fileURLToPath(new URL('../../../kafka-io/fixtures/pypz/', import.meta.url));

/** The path of a script for that Python. */
export const scriptOf = (name: 'run.py' | 'relay.py' | 'describe.py'): string => join(SCRIPTS, name);

/** A Python 3.11 with pypz, or why there is none. */
export type Python = { readonly python: string } | { readonly missing: string };

/** Makes a virtual environment with pypz, once; later runs find it in the user's cache. */
export async function findPypz(): Promise<Python> {
  const folder = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'millrace', 'pypz-0.10.2');
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return { python };
  const base = await findPython();
  if (base === undefined) return { missing: 'pypz needs Python 3.11: install it, or give its path as MILLRACE_PYTHON' };
  await mkdir(join(folder, '..'), { recursive: true });
  // Elsewhere first, so that the folder appears complete or not at all. Python's environments may be moved as long as only their interpreter is used.
  const made = mkdtempSync(`${folder}-`);
  try {
    await run(base, ['-m', 'venv', made], { timeout: 120_000 });
    await run(join(made, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES], { timeout: 300_000 });
    if (!existsSync(folder)) renameSync(made, folder);
    return { python };
  } catch (error) {
    return { missing: `pypz could not be installed by pip: ${(error as Error).message.trim().split('\n').slice(-2).join(' ')}` };
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

async function findPython(): Promise<string | undefined> {
  const versions = join(homedir(), '.pyenv', 'versions');
  const pyenv = existsSync(versions) ? readdirSync(versions).filter((name) => name.startsWith('3.11.')).map((name) => join(versions, name, 'bin', 'python3.11')) : [];
  const given = process.env['MILLRACE_PYTHON'];
  for (const python of given === undefined || given === '' ? ['python3.11', ...pyenv] : [given]) {
    const answer = await run(python, ['-c', 'import sys; print(*sys.version_info[:2])']).catch(() => undefined);
    if (answer?.stdout.trim() === '3 11') return python;
  }
  return undefined;
}

/** What a pypz reader was given. */
export interface PypzRecord {
  readonly operator: string;
  readonly groupIndex: number;
  readonly record: { readonly id: number; readonly writer: string } & Readonly<Record<string, unknown>>;
}

/** Operators of pypz that run as processes of their own; see `run.py` and `relay.py`. */
export class PypzProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Readonly<Record<string, number>>>;

  constructor(python: string, script: 'run.py' | 'relay.py', private readonly out: string, args: readonly string[]) {
    this.#child = spawn(python, [scriptOf(script), '--out', out, '--limit-s', '150', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let told = '';
    this.#child.stdout?.on('data', (chunk: Buffer) => (told += chunk.toString()));
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', () => {
        const line = told.trim().split('\n').at(-1) ?? '';
        if (line.startsWith('{')) resolve((JSON.parse(line) as { exitCodes: Record<string, number> }).exitCodes);
        else reject(new Error(`${script} ended without exit codes: ${told}`));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** Exit codes by instance, once all have ended. */
  get exitCodes(): Promise<Readonly<Record<string, number>>> {
    return this.#ended;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** What a reader wrote down: `reader`, `reader_0`. */
  recordsOf(instance: string): readonly PypzRecord[] {
    const file = join(this.out, `${instance}.jsonl`);
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as PypzRecord);
  }

  log(instance: string): string {
    const file = join(this.out, `${instance}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Asks all instances to end. */
  kill(): void {
    this.#child.kill('SIGTERM');
  }
}
