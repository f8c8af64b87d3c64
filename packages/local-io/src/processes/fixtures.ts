/** What other processes do in the tests of this folder: the first argument names it, the second is the folder of the channels. */
import type { OutgoingBatch, Session, Transport } from '@millrace/core';
import { openDatabase } from '../database.js';
import { Gate } from '../gate.js';
import { localBackend } from '../index.js';
import { LocalStore } from '../store.js';

const schema = '0123456789abcdef';

export const CHANNEL = 'numbers';
export const RECORD_BYTES = 16;

/** Records of two numbers each: who wrote it, and the how-many-th it is. */
export function batchOf(writer: number, from: number, count: number, recordBytes = RECORD_BYTES): OutgoingBatch {
  const bytes = new Uint8Array(count * recordBytes);
  const view = new DataView(bytes.buffer);
  const bounds = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    view.setFloat64(i * recordBytes, writer);
    view.setFloat64(i * recordBytes + 8, from + i);
    bounds[2 * i] = i * recordBytes;
    bounds[2 * i + 1] = (i + 1) * recordBytes;
  }
  return { partition: 0, count, bytes, bounds, schema, timestamp: Date.now() };
}

export function numberBytes(n: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, n);
  return bytes;
}

export function numberOf(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);
}

/** Milliseconds since the epoch, finer than `Date.now()`. */
export const clock = (): number => performance.timeOrigin + performance.now();

/** A session that sleeps until it is woken. */
export async function sleeper(transport: Transport, id: string): Promise<{ readonly session: Session; readonly woken: () => Promise<void> }> {
  let awake = true;
  let ring: (() => void) | undefined;
  const session = await transport.open({
    id,
    delivery: 'exactly-once',
    wake: () => {
      awake = true;
      ring?.();
    },
  });
  return {
    session,
    async woken() {
      if (!awake) await new Promise<void>((resolve) => (ring = resolve));
      awake = false;
    },
  };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const scenes: Record<string, (transport: Transport, ...args: string[]) => Promise<void>> = {
  /** Commits batches of numbers, with the count in the state, and says each count once it is acknowledged. Goes on where it stopped. */
  async write(transport, writer = '0', count = '10', commits = '10', recordBytes = `${RECORD_BYTES}`) {
    const session = await transport.open({ id: `writer#${writer}`, delivery: 'exactly-once', wake: () => undefined });
    const end = await session.writer(CHANNEL);
    let written = numberOf(session.state.get('written'));
    say(`from ${written}`);
    for (let commit = 0; commit < Number(commits); commit++) {
      void end.writeRecords(batchOf(Number(writer), written, Number(count), Number(recordBytes)));
      written += Number(count);
      try {
        await session.commit(new Map(), new Map([['written', numberBytes(written)]]));
      } catch (error) {
        say(`failed ${(error as { code?: string }).code ?? String(error)}`);
        break;
      }
      say(`acknowledged ${written}`);
    }
  },
  /** Commits one number each few milliseconds and says when it was acknowledged. */
  async tick(transport, count = '10', every = '5') {
    const session = await transport.open({ id: 'ticker#0', delivery: 'exactly-once', wake: () => undefined });
    const end = await session.writer(CHANNEL);
    for (let i = 0; i < Number(count); i++) {
      void end.writeRecords(batchOf(0, i, 1));
      await session.commit(new Map());
      say(`at ${clock()}`);
      await new Promise((resolve) => setTimeout(resolve, Number(every)));
    }
  },
  /** Opens the database and closes it again so many times. */
  async reopen(transport, times = '10') {
    await transport.close();
    const folder = transport.identity.slice('local:'.length);
    const gate = await Gate.at(folder);
    for (let i = 0; i < Number(times); i++) await (await gate.alone(() => openDatabase(folder, { sync: 'none' }))).root.close();
    await gate.close();
  },
  /** Opens a session and says when it is fenced. */
  async fence(transport, id = '') {
    const { session, woken } = await sleeper(transport, id);
    say(`open ${session.incarnation}`);
    while (session.failure === undefined) await woken();
    say(`failed ${(session.failure as { code?: string }).code ?? ''}`);
  },
  /** Says what it sees of the facts of a pipeline, until the fact `end`. */
  async follow(transport, pipeline = '') {
    await new Promise<void>((resolve) => {
      void transport.control(pipeline).follow('', (key, value) => {
        say(`${key} ${value === undefined ? 'removed' : Buffer.from(value).toString()}`);
        if (key === 'end') resolve();
      }).then(() => say('following'));
    });
  },
  /** Holds a read transaction until it is killed. */
  async hold(transport) {
    const { root, log } = (await LocalStore.acquire(transport.identity.slice('local:'.length), { sync: 'full' })).db;
    log.get([16, 0, 0], { transaction: root.useReadTransaction() });
    say('holding');
    await new Promise((resolve) => setTimeout(resolve, 600_000));
  },
  /** Reads and commits everything there is, then writes until it is told to stop by a full disk, makes room, and goes on. */
  async fill(transport, commits = '1000') {
    const session = await transport.open({ id: 'filler#0', delivery: 'exactly-once', wake: () => undefined });
    const [writer, reader] = [await session.writer(CHANNEL), await session.reader(CHANNEL, { group: 'g', partitions: [0], start: 'earliest' })];
    await reader.loadInputRecordOffset();
    let written = 0;
    const write = async (): Promise<void> => {
      void writer.writeRecords(batchOf(0, written, 1000));
      await session.commit(new Map());
      written += 1000;
    };
    for (let i = 0; i < Number(commits); i++) {
      try {
        await write();
      } catch (error) {
        say(`failed ${(error as { code?: string }).code ?? String(error)} at ${written}`);
        break;
      }
    }
    say(`ends ${[...(await reader.endOffsets())].join()}`);
    for (let read = 0; read < written;) {
      const batch = reader.readRecords();
      if (batch === undefined) throw new Error(`only ${read} of ${written} records can be read`);
      read = batch.next;
      await session.commit(new Map([[reader, new Map([[0, read]])]]));
    }
    for (let i = 0; i < 20; i++) await write();
    say(`written ${written}`);
  },
};

const [, script, scene, location, ...args] = process.argv;
if (script?.endsWith('fixtures.ts') === true && scene !== undefined && location !== undefined) {
  const [folder = '', mapSize] = location.split('|');
  const transport = await localBackend.connect(`local:${folder}`, mapSize === undefined ? undefined : { mapSize: Number(mapSize) });
  await scenes[scene]?.(transport, ...args);
  await transport.close();
}
