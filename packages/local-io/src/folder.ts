import { constants } from 'node:fs';
import { access, mkdir, realpath, statfs } from 'node:fs/promises';
import { MillraceError } from '@millrace/core';

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
    await access(real, constants.R_OK | constants.W_OK | constants.X_OK);
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

function reasonOf(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'EROFS') return `${path} lies on a file system that is mounted read-only; channels need to write there`;
  if (code === 'EACCES' || code === 'EPERM') return `${path} may not be written to by this user; channels need to write there`;
  if (code === 'EEXIST' || code === 'ENOTDIR') return `${path}, or something above it, is a file; a location is a folder`;
  return `the folder ${path} cannot be made or used: ${error instanceof Error ? error.message : String(error)}`;
}
