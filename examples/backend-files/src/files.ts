import { type FileHandle, open } from 'node:fs/promises';
import { MillraceError, toError } from '@millrace/core';

/** An error of what is stored, or of storing it. */
export function storageFailed(what: string, cause?: unknown): MillraceError {
  return new MillraceError('MILLRACE_STORAGE_FAILED', cause === undefined ? what : `${what}: ${toError(cause).message}`, cause === undefined ? {} : { cause });
}

/** Up to so many bytes from a position on; fewer at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

export async function writeAt(file: FileHandle, position: number, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.byteLength;) {
    written += (await file.write(bytes, written, bytes.byteLength - written, position + written)).bytesWritten;
  }
}

/** Makes files that were made, renamed or deleted in a folder last. Windows has no such thing, and needs none. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
