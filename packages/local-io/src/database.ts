import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/core';
import { open, type Database as Table, type RootDatabase } from 'lmdb';

/** Version of the layout of an environment. Another one is refused. */
export const FORMAT = 1;
/**
 * Address space that is reserved for the map at first; nothing of it is allocated. LMDB doubles the map where the file outgrows
 * it, in every process, but the old maps stay until the end: a generous first one avoids that.
 */
const MAP_SIZE = 64 * 1024 ** 3;
/** Where the address space of a process is limited. */
const SMALL_MAP_SIZE = 64 * 1024 ** 2;
/** Slots for read transactions: a few for each thread that has the location open. */
const MAX_READERS = 1024;
/** The data. */
export const FILE = 'millrace.mdb';
/** Where LMDB keeps its locks, beside the file. */
export const LOCK = `${FILE}-lock`;

/** Part of a key. */
export type KeyPart = string | number;
export type Key = KeyPart[];

/** A value of {@link Database.meta}. Its meaning hangs on the first part of the key: see {@link ./layout.js}. */
export type Fact = Readonly<Record<string, unknown>>;

/** The tables of an environment. The README has what is in them. */
export interface Database {
  readonly root: RootDatabase<unknown, Key>;
  /** Stored batches. */
  readonly log: Table<Uint8Array, Key>;
  /** Channels, ends, positions, incarnations: JSON, each with a version by which writes are conditional. */
  readonly meta: Table<Fact, Key>;
  /** State values. */
  readonly state: Table<Uint8Array, Key>;
  /** Facts of pipelines, and the order of their puts. */
  readonly control: Table<Uint8Array, Key>;
  /** The file that changes with each commit. */
  readonly file: string;
}

export interface DatabaseOptions {
  readonly sync: 'full' | 'none';
  readonly mapSize?: number | undefined;
}

/**
 * Opens the environment in a folder, or makes it.
 * @throws MillraceError `MILLRACE_FORMAT_UNKNOWN`, `MILLRACE_STORAGE_FAILED`
 */
export async function openDatabase(folder: string, options: DatabaseOptions): Promise<Database> {
  const file = join(folder, FILE);
  let root: RootDatabase<unknown, Key>;
  try {
    root = open<unknown, Key>({
      path: file,
      noSubdir: true,
      maxDbs: 8,
      maxReaders: MAX_READERS,
      mapSize: options.mapSize ?? (hasLimitedAddressSpace() ? SMALL_MAP_SIZE : MAP_SIZE),
      // A commit is on the disk when it shows: nobody acts on what a power failure would take back.
      overlappingSync: false,
      noSync: options.sync === 'none',
      // Writes are grouped here; left to LMDB, a failed commit rejects promises that nobody holds.
      eventTurnBatching: false,
    });
  } catch (error) {
    throw new MillraceError('MILLRACE_STORAGE_FAILED', `the database in ${folder} cannot be opened: ${String(error)}`, { cause: error });
  }
  try {
    const meta = root.openDB<Fact, Key>({ name: 'meta', encoding: 'json', useVersions: true });
    await checkFormat(meta, folder);
    return {
      root,
      meta,
      log: root.openDB<Uint8Array, Key>({ name: 'log', encoding: 'binary' }),
      state: root.openDB<Uint8Array, Key>({ name: 'state', encoding: 'binary' }),
      control: root.openDB<Uint8Array, Key>({ name: 'control', encoding: 'binary' }),
      file,
    };
  } catch (error) {
    await root.close();
    throw error;
  }
}

function hasLimitedAddressSpace(): boolean {
  if (process.platform !== 'linux') return false;
  return !/^Max address space +unlimited/m.test(readFileSync('/proc/self/limits', 'utf8'));
}

async function checkFormat(meta: Table<Fact, Key>, folder: string): Promise<void> {
  if (meta.get(['format']) === undefined) await meta.ifNoExists(['format'], () => void meta.put(['format'], { v: FORMAT }, 0));
  const version = meta.get(['format'])?.['v'];
  if (version === FORMAT) return;
  const remedy = typeof version === 'number' && version > FORMAT
    ? 'upgrade @millrace/local-io'
    : 'let the version of @millrace/local-io that wrote it finish what is in it, then use a new folder';
  throw new MillraceError('MILLRACE_FORMAT_UNKNOWN', `${folder} is of format ${JSON.stringify(version)}, this version of @millrace/local-io reads and writes format ${FORMAT}; ${remedy}`);
}
