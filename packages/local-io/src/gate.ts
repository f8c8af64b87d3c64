// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- packages that read these sources see no other file of this one's
/// <reference path="./fs-native-extensions.d.ts" />
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '@millrace/core';
import { tryLock, unlock, waitForLock } from 'fs-native-extensions';
import { FILE } from './database.js';

/** Where who opens waits for those who write, and where both stand in line. Each is locked as a whole, as macOS wants it. */
const GATE = `${FILE}-gate`;
const LINE = `${FILE}-line`;
/** Ms for which who opens lets nobody begin to write, and then for which all may. */
const HOLD = 100;
const REST = 50;
const LOOK = 2;
/** Ms after which opening is given up. */
const GIVE_UP = 60_000;

/**
 * Keeps processes from opening an environment while others write into it.
 *
 * The LMDB that the package lmdb (3.5) is made of sets the number of the last transaction anew, from what it read some time
 * before, whenever a process opens an environment. A transaction that another process commits in between is written over by the
 * next one (ITS#9496 of OpenLDAP). So who writes holds a shared lock of a file until the write is through, and who opens an
 * exclusive one. The locks belong to an open file: they go with the process, and threads have their own.
 */
export class Gate {
  private constructor(
    private readonly folder: string,
    private readonly gate: FileHandle,
    private readonly line: FileHandle,
  ) {}

  static async at(folder: string): Promise<Gate> {
    const gate = await open(join(folder, GATE), 'a+');
    try {
      return new Gate(folder, gate, await open(join(folder, LINE), 'a+'));
    } catch (error) {
      await gate.close();
      throw error;
    }
  }

  /** Before a write; {@link leave} follows. A promise where somebody opens. */
  enter(): undefined | Promise<void> {
    const { gate, line } = this;
    if (!tryLock(line.fd, SHARED)) return this.#standInLine();
    const isIn = tryLock(gate.fd, SHARED);
    unlock(line.fd);
    return isIn ? undefined : this.#standInLine();
  }

  leave(): void {
    unlock(this.gate.fd);
  }

  /**
   * Opens, while nobody writes.
   * @throws MillraceError `MILLRACE_STORAGE_FAILED` where a process does not get through with its write; what the work throws
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + GIVE_UP;
    while (!(await this.#stop())) {
      if (performance.now() > deadline) {
        throw new MillraceError('MILLRACE_STORAGE_FAILED', `${this.folder} cannot be opened: for ${GIVE_UP / 1000} s another process has been in the middle of a write; end the one that is halted or hangs`, { retriable: true });
      }
      await sleep(REST);
    }
    try {
      return await work();
    } finally {
      unlock(this.gate.fd);
      unlock(this.line.fd);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.gate.close(), this.line.close()]);
  }

  async #standInLine(): Promise<void> {
    const { gate, line } = this;
    await waitForLock(line.fd, SHARED);
    try {
      await waitForLock(gate.fd, SHARED);
    } finally {
      unlock(line.fd);
    }
  }

  /** Has those who come next wait in line until the last one who writes has left. Not for long: that one may be halted. */
  async #stop(): Promise<boolean> {
    const { gate, line } = this;
    const until = performance.now() + HOLD;
    if (!(await granted(line, until))) return false;
    if (await granted(gate, until)) return true;
    unlock(line.fd);
    return false;
  }
}

const SHARED = { shared: true } as const;

async function granted(file: FileHandle, until: number): Promise<boolean> {
  while (!tryLock(file.fd)) {
    if (performance.now() > until) return false;
    await sleep(LOOK);
  }
  return true;
}
