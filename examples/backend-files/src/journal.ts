import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MillraceError } from '@millrace/core';
import type { Change } from './catalog.js';
import { storageFailed, syncFolder, writeAt } from './files.js';

const FORMAT = { format: 'millrace backend-files', v: 1 };
/** The journal is written anew when it has grown by more than this, and to more than four times what it was. */
const SLACK_BYTES = 1024 * 1024;

/**
 * What was committed: a line of changes for each commit. A commit counts when its line is on the disk as a whole, so that all of it
 * happened or none. A line is the CRC-32 of its JSON in 8 hexadecimal digits, a blank, and the JSON; the first one names the format.
 */
export class Journal {
  #bytes = 0;
  #limit = 0;
  #file: FileHandle | undefined;

  constructor(private readonly folder: string) {}

  /** The changes of all commits, in their order. A last line that is not whole was never acknowledged, and is passed over. */
  async load(): Promise<readonly Change[]> {
    const path = join(this.folder, 'journal');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    const lines = text.split('\n');
    const last = lines.at(-1) === '' ? lines.length - 2 : lines.length - 1;
    return lines.slice(0, last + 1).flatMap((line, i): readonly Change[] => {
      const json = line.slice(9);
      if (line.slice(0, 9) !== `${sumOf(json)} `) {
        if (i === last && i > 0) return [];
        throw storageFailed(`line ${i + 1} of ${path} is damaged, so that later ones may not be taken for what was committed; restore the folder from a copy`);
      }
      const content: unknown = JSON.parse(json);
      if (i > 0) return content as readonly Change[];
      if (JSON.stringify(content) !== JSON.stringify(FORMAT)) throw new MillraceError('MILLRACE_FORMAT_UNKNOWN', `${path} is of the format ${json}, and this version writes ${JSON.stringify(FORMAT)}`);
      return [];
    });
  }

  /** Whether {@link rewrite} is due. */
  get grown(): boolean {
    return this.#bytes > this.#limit;
  }

  /** Takes the place of what is there with as many changes as it takes to come to the same. */
  async rewrite(changes: readonly Change[]): Promise<void> {
    await this.close();
    const path = join(this.folder, 'journal');
    const file = await open(`${path}.new`, 'w');
    try {
      const bytes = Buffer.from(lineOf(FORMAT) + lineOf(changes));
      await writeAt(file, 0, bytes);
      await file.sync();
      this.#bytes = bytes.byteLength;
      this.#limit = SLACK_BYTES + 4 * this.#bytes;
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncFolder(this.folder);
    this.#file = await open(path, 'r+');
  }

  /** On the disk when it resolves. */
  async append(changes: readonly Change[]): Promise<void> {
    if (this.#file === undefined) throw storageFailed('the journal is not open');
    const bytes = Buffer.from(lineOf(changes));
    await writeAt(this.#file, this.#bytes, bytes);
    await this.#file.datasync();
    this.#bytes += bytes.byteLength;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

function lineOf(content: unknown): string {
  const json = JSON.stringify(content);
  return `${sumOf(json)} ${json}\n`;
}

function sumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}
