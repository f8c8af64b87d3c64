import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Where folders are made: beside the program, since the one for temporary files may lie in memory. */
const PARENT = resolve(process.env['MILLRACE_BENCH_FOLDER'] ?? 'node_modules/.cache');

/** A folder on the disk that is gone afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(PARENT, { recursive: true });
  const folder = await mkdtemp(join(PARENT, 'millrace-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
