import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ChannelReader, Transport } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localBackend } from '../index.js';
import { LocalStore } from '../store.js';
import { CHANNEL, RECORD_BYTES, batchOf, clock, numberOf, sleeper } from './fixtures.js';

const SCRIPT = fileURLToPath(new URL('./fixtures.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

let folder: string;
let transport: Transport;
const children = new Set<Child>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-processes-'));
  transport = await localBackend.connect(`local:${folder}`);
  await transport.createResources([{ name: CHANNEL, partitions: 1, groups: ['g'] }]);
});

afterEach(async () => {
  for (const child of children) child.kill();
  await Promise.all([...children].map(({ ended }) => ended));
  children.clear();
  await transport.close();
  await rm(folder, { recursive: true });
});

/** A process that plays a scene of the script. */
class Child {
  readonly lines: string[] = [];
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  #waiting: (() => void)[] = [];

  constructor(scene: string, args: readonly (string | number)[] = [], { mapSize, fileBlocks, addressSpace, sync = 'full' }: { readonly mapSize?: number; readonly fileBlocks?: number; readonly addressSpace?: number; readonly sync?: 'full' | 'none' } = {}) {
    const command = [process.execPath, '--import', 'tsx', SCRIPT, scene, `${folder}?sync=${sync}${mapSize === undefined ? '' : `|${mapSize}`}`, ...args.map(String)];
    // A file that may not grow is what a full disk looks like to LMDB.
    const limits = `${fileBlocks === undefined ? '' : `trap '' XFSZ; ulimit -f ${fileBlocks}; `}${addressSpace === undefined ? '' : `ulimit -v ${addressSpace}; `}`;
    const limited = limits === '' ? command : ['/bin/sh', '-c', `${limits}exec "$@"`, 'sh', ...command];
    this.#process = spawn(limited[0] ?? '', limited.slice(1), { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    this.#process.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    createInterface(this.#process.stdout).on('line', (line) => {
      this.lines.push(line);
      for (const look of this.#waiting.splice(0)) look();
    });
    this.ended = new Promise((resolve) =>
      this.#process.on('close', (code) => {
        for (const look of this.#waiting.splice(0)) look();
        resolve({ code, errors });
      }),
    );
    children.add(this);
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get exited(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Resolves once it has told a line that begins so. */
  async told(beginning: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((each) => each.startsWith(beginning));
      if (line !== undefined) return line;
      if (this.exited) throw new Error(`the process ended without "${beginning}": ${this.lines.join(' | ')} ${(await this.ended).errors}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async done(): Promise<void> {
    const { code, errors } = await this.ended;
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  }

  /** Numbers after a word that it told. */
  numbers(word: string): number[] {
    return this.lines.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.slice(word.length + 1)));
  }
}

/** Reads on until it has seen so many records; gives the numbers of each writer. */
async function collect(reader: ChannelReader, woken: () => Promise<void>, count: number, recordBytes = RECORD_BYTES): Promise<Map<number, number[]>> {
  const seen = new Map<number, number[]>();
  for (let read = 0; read < count;) {
    const batch = reader.readRecords();
    if (batch === undefined) {
      await woken();
      continue;
    }
    read += batch.count;
    for (let i = 0; i < batch.count; i++) {
      const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset + (batch.bounds[2 * i] ?? 0), recordBytes);
      const writer = view.getFloat64(0);
      if (seen.get(writer)?.push(view.getFloat64(8)) === undefined) seen.set(writer, [view.getFloat64(8)]);
    }
  }
  return seen;
}

async function reading(id = 'reader#0') {
  const { session, woken } = await sleeper(transport, id);
  const reader = await session.reader(CHANNEL, { group: 'g', partitions: [0], start: 'earliest' });
  await reader.loadInputRecordOffset();
  return { session, reader, woken };
}

// Where many processes start at once, each takes seconds to load.
vi.setConfig({ testTimeout: 60_000 });

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('processes that share a folder', () => {
  it('write to one partition at once: nothing is lost or doubled, each in its order, and a reader elsewhere sees it all', async () => {
    const { reader, woken } = await reading();
    const writers = [0, 1, 2].map((writer) => new Child('write', [writer, 5, 60]));
    const seen = await collect(reader, woken, 900);
    await Promise.all(writers.map((writer) => writer.done()));
    for (const writer of [0, 1, 2]) expect(seen.get(writer)).toEqual(upTo(300));
    expect(reader.readRecords()).toBeUndefined();
  });

  it('lose nothing while others open the folder and close it again', async () => {
    const { reader, woken } = await reading();
    // Without waits for the disk the most of them meet.
    const sync = 'none';
    const writers = [0, 1].map((writer) => new Child('write', [writer, 1, 1500], { sync }));
    const openers = [0, 1, 2].map(() => new Child('reopen', [300], { sync }));
    const seen = await collect(reader, woken, 3000);
    await Promise.all([...writers, ...openers].map((child) => child.done()));
    for (const writer of [0, 1]) expect(seen.get(writer)).toEqual(upTo(1500));
    expect((await transport.describeChannel(CHANNEL))?.ends).toEqual(new Map([[0, 3000]]));
  });

  it('wake each other: a reader hears of a commit long before it would look by itself', async () => {
    const { reader, woken } = await reading();
    const ticker = new Child('tick', [60, 5]);
    const heard: number[] = [];
    while (heard.length < 60) {
      if (reader.readRecords() === undefined) await woken();
      else heard.push(clock());
    }
    await ticker.done();
    const delays = ticker.numbers('at').map((at, i) => (heard[i] ?? Infinity) - at).sort((a, b) => a - b);
    expect(delays[30]).toBeLessThan(100);
  });

  it('fence each other, and the one that is fenced is told', async () => {
    const child = new Child('fence', ['p.op#0']);
    expect(await child.told('open')).toBe('open 1');
    const session = await transport.open({ id: 'p.op#0', delivery: 'exactly-once', wake: () => undefined });
    expect(session.incarnation).toBe(2);
    expect(await child.told('failed')).toBe('failed MILLRACE_FENCED');
    await child.done();
  });

  it('see each other’s facts in the order of their puts', async () => {
    const control = transport.control('p');
    await control.put('before', Buffer.from('1'));
    const child = new Child('follow', ['p']);
    await child.told('following');
    for (let i = 0; i < 50; i++) await control.put(`key/${i % 3}`, Buffer.from(`${i}`));
    await control.remove('before');
    await control.put('end', Buffer.from('now'));
    await child.done();
    expect(child.lines.filter((line) => line !== 'following')).toEqual(['before 1', ...upTo(50).map((i) => `key/${i % 3} ${i}`), 'before removed', 'end now']);
  });

  it('let the map grow in all of them', async () => {
    const recordBytes = 4096;
    const mapSize = 1024 * 1024;
    const { reader, woken } = await reading();
    const writers = [0, 1].map((writer) => new Child('write', [writer, 64, 20, recordBytes], { mapSize }));
    const seen = await collect(reader, woken, 2 * 64 * 20, recordBytes);
    await Promise.all(writers.map((writer) => writer.done()));
    for (const writer of [0, 1]) expect(seen.get(writer)).toEqual(upTo(64 * 20));
    const late = new Child('write', [2, 64, 1, recordBytes], { mapSize });
    await late.done();
    expect((await collect(reader, woken, 64, recordBytes)).get(2)).toEqual(upTo(64));
  });
});

it('threads of one process share a folder as processes do', async () => {
  const { reader, woken } = await reading();
  const load = `process.argv[1] = ${JSON.stringify(SCRIPT)}; import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then(({ register }) => { register(); return import(process.argv[1]); });`;
  const threads = [0, 1].map((writer) => new Worker(load, { eval: true, argv: ['write', folder, String(writer), '5', '20'], stdout: true }));
  const ended = threads.map((thread) => once(thread, 'exit'));
  const seen = await collect(reader, woken, 200);
  expect((await Promise.all(ended)).flat()).toEqual([0, 0]);
  for (const writer of [0, 1]) expect(seen.get(writer)).toEqual(upTo(100));
});

describe('a process that is killed', () => {
  it('leaves what it was told is there, whole batches, and nothing that does not belong to the state', async () => {
    const { reader, woken } = await reading();
    let known = 0;
    for (let round = 0; round < 2; round++) {
      const child = new Child('write', [0, 7, 100_000]);
      await child.told(`acknowledged ${known + 7 * (3 + 5 * round)}`);
      child.kill();
      await child.ended;
      const acknowledged = Math.max(known, ...child.numbers('acknowledged'));
      const [from] = child.numbers('from');
      expect(from).toBe(known);
      // A commit that was stored and not yet shown when its process died is shown with the next transaction, which `open` is.
      const { session } = await sleeper(transport, 'writer#0');
      const end = (await reader.endOffsets()).get(0) ?? 0;
      expect(end).toBeGreaterThanOrEqual(acknowledged);
      expect(end % 7).toBe(0);
      expect(numberOf(session.state.get('written'))).toBe(end);
      await session.close();
      expect((await collect(reader, woken, end - known)).get(0)).toEqual(upTo(end).slice(known));
      known = end;
    }
  });

  it('leaves a slot of a reader behind, which goes', async () => {
    const child = new Child('hold');
    await child.told('holding');
    const place = transport.identity.slice('local:'.length);
    const { root } = (await LocalStore.acquire(place, { sync: 'full' })).db;
    expect(root.readerList()).toContain(String(child.pid));
    child.kill();
    await child.ended;
    const session = await transport.open({ id: 'writer#0', delivery: 'exactly-once', wake: () => undefined });
    const writer = await session.writer(CHANNEL);
    for (let from = 0; root.readerList().includes(String(child.pid)); from++) {
      void writer.writeRecords(batchOf(0, from, 1));
      await session.commit(new Map());
    }
    await LocalStore.release(place);
  });
});

describe('a disk that is full', () => {
  it.skipIf(process.platform === 'win32')('fails the commit with an error, keeps what was acknowledged, and takes more once there is room', async () => {
    await transport.close();
    const child = new Child('fill', [1000], { fileBlocks: 4096 });
    const failure = await child.told('failed');
    expect(failure).toMatch(/^failed MILLRACE_STORAGE_FAILED at \d+$/);
    const written = Number(failure.slice(failure.lastIndexOf(' ') + 1));
    expect(written).toBeGreaterThan(0);
    expect(await child.told('ends')).toBe(`ends 0,${written}`);
    expect(await child.told('written')).toBe(`written ${written + 20_000}`);
    expect((await child.ended).code).toBe(0);
  });

  it.skipIf(process.platform === 'win32')('is told of where not even a beginning can be made', async () => {
    await transport.close();
    for (const file of ['millrace.mdb', 'millrace.mdb-lock']) await rm(join(folder, file));
    const { code, errors } = await new Child('write', [0], { fileBlocks: 16 }).ended;
    expect({ code, told: errors.includes('MILLRACE_STORAGE_FAILED') }).toEqual({ code: 1, told: true });
  });
});

it.skipIf(process.platform !== 'linux')('an address space that is limited makes no difference', async () => {
  const child = new Child('write', [0, 5, 5], { addressSpace: 60_000_000 });
  await child.done();
  expect(child.numbers('acknowledged').at(-1)).toBe(25);
});
