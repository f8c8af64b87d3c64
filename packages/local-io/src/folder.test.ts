import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { open } from 'lmdb';
import { localBackend } from './index.js';

/** What another process that opens the environment finds: one without locks is taken for dead, and its place among the readers goes. */
function readersSeenByOthers(folder: string): string {
  const look = `
    const { open } = await import('lmdb');
    const root = open({ path: process.argv[1], noSubdir: true, overlappingSync: false, maxDbs: 8 });
    root.readerCheck();
    console.log(root.readerList());
    await root.close();`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', look, join(folder, 'millrace.mdb')], { cwd: import.meta.dirname, encoding: 'utf8' });
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-folder-'));
});
afterEach(() => rm(folder, { recursive: true }));

const refused = (code: string, why: RegExp): Error => expect.objectContaining({ code, message: expect.stringMatching(why) as string }) as Error;

describe('the folder of a location', () => {
  it('is made where it is missing', async () => {
    const transport = await localBackend.connect(`local:${folder}/a/b`);
    const files = ['millrace.mdb', 'millrace.mdb-gate', 'millrace.mdb-line', 'millrace.mdb-lock'];
    expect((await readdir(join(folder, 'a', 'b'))).filter((name) => !name.startsWith('.'))).toEqual(files);
    await transport.close();
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(files);
  });

  it('is the same by whatever path', async () => {
    await mkdir(join(folder, 'real'));
    await symlink(join(folder, 'real'), join(folder, 'link'));
    const [one, two] = [await localBackend.connect(`local:${folder}/real`), await localBackend.connect(`local:${folder}/link`)];
    expect(two.identity).toBe(one.identity);
    await one.createResources([{ name: 'c', partitions: 2 }]);
    expect((await two.describeChannel('c'))?.partitions).toBe(2);
    await Promise.all([one.close(), two.close()]);
  });

  it('is no file', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(localBackend.connect(`local:${folder}/file`)).rejects.toThrow(refused('MILLRACE_STORAGE_FAILED', /is a file; a location is a folder/));
    await expect(localBackend.connect(`local:${folder}/file/below`)).rejects.toThrow(refused('MILLRACE_STORAGE_FAILED', /is a file; a location is a folder/));
  });

  it('can be written to', async () => {
    await chmod(folder, 0o500);
    // Root may write everywhere, so it becomes somebody else for a moment.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534);
    try {
      await expect(localBackend.connect(`local:${folder}`)).rejects.toThrow(refused('MILLRACE_STORAGE_FAILED', /may not be (written to|used) by this user/));
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('stays locked for others when a process connects to it once more', async () => {
    const first = await localBackend.connect(`local:${folder}`);
    const second = await localBackend.connect(`local:${folder}?channel=other`);
    await first.describeChannel('other');
    expect(readersSeenByOthers(folder)).toContain(`${process.pid}`);
    await second.close();
    await first.describeChannel('other');
    expect(readersSeenByOthers(folder)).toContain(`${process.pid}`);
    await first.close();
  });

  it('has one way to sync in a process', async () => {
    const transport = await localBackend.connect(`local:${folder}`);
    await expect(localBackend.connect(`local:${folder}?sync=none`)).rejects.toThrow(refused('MILLRACE_OPTION_INVALID', /open here with sync=full/));
    await transport.close();
    await (await localBackend.connect(`local:${folder}?sync=none`)).close();
  });

  it('of another format is refused, saying what to do', async () => {
    await (await localBackend.connect(`local:${folder}`)).close();
    for (const [version, remedy] of [[2, /is of format 2, .* upgrade @millrace\/local-io/], [0, /is of format 0, .* let the version .* that wrote it finish/]] as const) {
      const root = open({ path: join(folder, 'millrace.mdb'), noSubdir: true, overlappingSync: false, maxDbs: 8 });
      await root.openDB({ name: 'meta', encoding: 'json', useVersions: true }).put(['format'], { v: version }, 0);
      await root.close();
      await expect(localBackend.connect(`local:${folder}`)).rejects.toThrow(refused('MILLRACE_FORMAT_UNKNOWN', remedy));
    }
  });

  it('that is no database of LMDB is refused', async () => {
    await writeFile(join(folder, 'millrace.mdb'), 'x'.repeat(10_000));
    await expect(localBackend.connect(`local:${folder}`)).rejects.toThrow(refused('MILLRACE_STORAGE_FAILED', /is no database of LMDB/));
  });
});
