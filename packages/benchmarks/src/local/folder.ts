import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where folders are made: the working folder, since a temporary one may lie in memory. */
const PARENT = resolve(process.env['MILLRACE_BENCH_FOLDER'] ?? '.');

/** A folder on the disk that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(PARENT, '.bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
