import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** Records of a life of a source that its commits acknowledged: the indexes from `from` up to and without `to`. */
export interface Acknowledged {
  readonly source: number;
  readonly life: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Notes what was acknowledged, in a file that all processes append to. A write is with the system once it returns, so it
 * outlives the process, however that dies: there is no need to wait for the disk.
 */
export function note(file: string, { source, life, from, to }: Acknowledged): void {
  appendFileSync(file, `${source} ${life} ${from} ${to}\n`);
}

/** Reads a ledger; where nothing was noted, there is no file. @throws Error for a line that nobody wrote so */
export function readLedger(file: string): Acknowledged[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => {
    const [source, life, from, to, ...rest] = line.split(' ').map(Number);
    if (source === undefined || life === undefined || from === undefined || to === undefined || rest.length > 0 || ![source, life, from, to].every(Number.isSafeInteger)) throw new Error(`${file} has the line ${JSON.stringify(line)}, which is no entry`);
    return { source, life, from, to };
  });
}
