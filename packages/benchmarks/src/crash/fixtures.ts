import type { CrashTestOptions } from '@millrace/testing';
import { fileURLToPath } from 'node:url';

/** Processes of tests run the sources. */
export const FROM_SOURCES: Pick<CrashTestOptions, 'worker' | 'execArgv' | 'cwd'> = {
  worker: new URL('./worker.ts', import.meta.url),
  execArgv: ['--import', 'tsx'],
  cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
};

/** What a test shows of a report: all that has to be nothing where every promise was kept. */
export const KEPT = { lost: 0, duplicated: 0, reordered: 0, broken: [] };
