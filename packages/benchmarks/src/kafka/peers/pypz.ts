import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Measured } from '../../harness/race.js';
import type { Job } from './job.js';

const execute = promisify(execFile);

const PACKAGES = ['pypz-core==0.10.2', 'pypz-kafka-io==0.10.2'] as const;

/** Stands among the sources, where no build takes it along. */
const PROGRAM = fileURLToPath(new URL('../../../src/kafka/peers/pypz-pipeline.py', import.meta.url));

/** What pypz 0.10.2 reached, tuned in the same way, on two cores that had nothing else to do: where it cannot be run. */
export const CITED_RATE = 6700;

/** Python's pypz: a writer and a reader in a process each, from the start of both to the end of both. */
export class Pypz {
  private constructor(private readonly python: string) {}

  /** @throws Error where there is no Python 3.11, which it needs, or its packages cannot be had */
  static async install(): Promise<Pypz> {
    const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
    const folder = join(caches, 'millrace', 'pypz-0.10.2');
    if (!(await access(folder).then(() => true, () => false))) await build(folder);
    return new Pypz(join(folder, 'bin', 'python'));
  }

  async run({ bootstrap, group, records }: Job): Promise<Measured> {
    const { stdout } = await execute(this.python, [PROGRAM, bootstrap, group, String(records)]);
    return JSON.parse(stdout) as Measured;
  }
}

/** Makes the virtual environment; it is there complete or not at all, and does not mind to be moved where its own `python` is called. */
async function build(folder: string): Promise<void> {
  await mkdir(join(folder, '..'), { recursive: true });
  const temporary = await mkdtemp(`${folder}.`);
  try {
    await execute(process.env['MILLRACE_PYTHON'] || 'python3.11', ['-m', 'venv', temporary]);
    await execute(join(temporary, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...PACKAGES]);
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
