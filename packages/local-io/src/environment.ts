import { realpath } from 'node:fs/promises';
// The declarations that lmdb has for ES modules do not compile where skipLibCheck is off.
import type { RootDatabase } from 'lmdb' with { 'resolution-mode': 'require' };
import { MillraceError } from '@millrace/core';
import { LocalStore } from './store.js';

/** The environment of a folder, for a look at it or a copy of it. */
export interface LocalEnvironment {
  readonly root: RootDatabase;
  close(): Promise<void>;
}

/**
 * Opens the LMDB environment of a folder that others may have open and write into: to look at it, or for `root.backup`.
 * The README has what is in it. The package lmdb alone must not open it meanwhile, not even to read: its version 3.5 has
 * others lose what they commit at that moment.
 * @param folder an existing one: `./data` of `local:./data`
 * @throws MillraceError `MILLRACE_STORAGE_FAILED`, `MILLRACE_FORMAT_UNKNOWN`
 */
export async function openLocalEnvironment(folder: string): Promise<LocalEnvironment> {
  const real = await realpath(folder).catch((cause: unknown) => {
    throw new MillraceError('MILLRACE_STORAGE_FAILED', `the folder ${folder} cannot be found`, { cause });
  });
  const { db } = await LocalStore.acquire(real, { sync: 'full' });
  return { root: db.root as RootDatabase, close: () => LocalStore.release(real) };
}
