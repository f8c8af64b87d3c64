import { access, constants, mkdir, open, realpath, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MillraceError } from '@millrace/core';
import { FILE, LOCK } from './database.js';

/** Magic numbers of file systems, as statfs(2) of Linux lists them, on which memory maps are not shared between hosts, or not at all. */
const NETWORK = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
]);
/** FUSE has file systems of both kinds under it. */
const FUSE = 0x65735546;

/** In the first page of a file of LMDB. */
const MAGIC = 0xbeef_c0de;
const MAGIC_AT = 24;
/** A new file takes less. */
const FIRST_BYTES = 256 * 1024;

/** What a file system is good for, by its magic number. */
export function judgeFileSystem(type: number): { readonly verdict: 'fine' | 'doubtful' | 'network'; readonly name: string } {
  const network = NETWORK.get(type);
  if (network !== undefined) return { verdict: 'network', name: network };
  return type === FUSE ? { verdict: 'doubtful', name: 'FUSE' } : { verdict: 'fine', name: 'local' };
}

/**
 * Makes the folder of a location where it is missing, and gives its real path.
 * @throws MillraceError `MILLRACE_STORAGE_FAILED` where it cannot be made, is no folder, is read-only, or lies on a network file system
 */
export async function prepareFolder(path: string): Promise<string> {
  let real: string;
  try {
    await mkdir(path, { recursive: true });
    real = await realpath(path);
    await probe(real);
  } catch (error) {
    throw new MillraceError('MILLRACE_STORAGE_FAILED', reasonOf(error, path), { cause: error });
  }
  const { verdict, name } = judgeFileSystem((await statfs(real)).type);
  if (verdict === 'network') {
    throw new MillraceError('MILLRACE_STORAGE_FAILED', `${real} lies on a network file system (${name}), whose memory maps other hosts do not see, so that data would be lost; use a folder on a disk of this host, or a broker`);
  }
  if (verdict === 'doubtful') {
    process.emitWarning(`${real} lies on a file system of ${name}. Local channels need shared memory maps and file locks; where it is a network file system underneath, data will be lost.`, { code: 'MILLRACE_STORAGE_FAILED' });
  }
  return real;
}

/**
 * LMDB ends the process where it cannot open its files, so what may be wrong with them is found out before.
 *
 * The file of locks is never opened here: POSIX takes all locks of a process off a file as soon as the process closes any
 * descriptor of it, and where LMDB has it open already, the others would take this process for dead and write over what it reads.
 */
async function probe(folder: string): Promise<void> {
  const lock = join(folder, LOCK);
  await access(lock, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
  const file = await open(join(folder, FILE), 'a+');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MAGIC_AT + 4), 0, MAGIC_AT + 4, 0);
    if (bytesRead > 0 && buffer.readUInt32LE(MAGIC_AT) !== MAGIC) throw new Error(`${FILE} is no database of LMDB`);
    if (bytesRead > 0) return;
  } finally {
    await file.close();
  }
  const room = join(folder, `.room-${process.pid}`);
  try {
    await writeFile(room, Buffer.alloc(FIRST_BYTES));
  } finally {
    await rm(room, { force: true });
  }
}

function reasonOf(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EROFS') return `${path} lies on a file system that is mounted read-only; use a folder that can be written to`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be written to by this user; let it write there, or use another folder`;
  if (code === 'EEXIST' || code === 'ENOTDIR') return `${path}, or something above it, is a file; a location is a folder`;
  return `the folder ${path} cannot be made or used: ${error instanceof Error ? error.message : String(error)}`;
}
