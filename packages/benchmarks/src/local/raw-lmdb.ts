import avsc from 'avsc';
import { open, type Database, type RootDatabase } from 'lmdb';
import { expectedSum, makeReadings, Reading, sumOf } from '../flow/records.js';
import type { Measured } from '../harness/race.js';
import { withFolder } from './folder.js';

const type = avsc.Type.forSchema(JSON.parse(Reading.schema) as avsc.Schema);
const buffer = Buffer.allocUnsafe(128 * 1024);

/**
 * The same with LMDB and avsc alone: batches as values, positions and state beside them, and what was read removed.
 * @param batches how many go into one transaction of the source, the relay, the sink
 */
export function rawLmdb(records: number, batchSize: number, batches: number): Promise<Measured> {
  return withFolder(async (folder) => {
    const root: RootDatabase = open({ path: folder, maxDbs: 4, overlappingSync: false, mapSize: 2 ** 36 });
    const log: Database<Buffer, number[]> = root.openDB({ name: 'log', encoding: 'binary' });
    const meta: Database<number, string> = root.openDB({ name: 'meta', encoding: 'json' });
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const count = Math.ceil(records / batchSize);
    let sum = 0;
    const take = (channel: number, n: number): Reading[] => {
      const readings = decode(log.get([channel, n])!);
      void log.remove([channel, n]);
      return readings;
    };
    for (let from = 0; from < count; from += batches) {
      const numbers = Array.from({ length: Math.min(batches, count - from) }, (_, i) => from + i);
      root.transactionSync(() => {
        for (const n of numbers) void log.put([0, n], encode(makeReadings(n * batchSize, Math.min(batchSize, records - n * batchSize))));
        void meta.put('sent', from);
      });
      root.transactionSync(() => {
        for (const n of numbers) void log.put([1, n], encode(take(0, n)));
        void meta.put('relay', from);
      });
      root.transactionSync(() => {
        for (const n of numbers) sum += sumOf(take(1, n));
        void meta.put('sink', from);
      });
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    await root.close();
    if (sum !== expectedSum(records)) throw new Error('raw LMDB has other records than were sent');
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  });
}

export function encode(readings: readonly Reading[]): Buffer {
  let end = 0;
  for (const reading of readings) end = type.encode(reading, buffer, end);
  if (end < 0) throw new RangeError('the buffer is too small for a batch');
  return Buffer.from(buffer.subarray(0, end));
}

export function decode(bytes: Buffer): Reading[] {
  const readings: Reading[] = [];
  for (let position = 0; position < bytes.byteLength; ) {
    const decoded: { readonly value: Reading; readonly offset: number } = type.decode(bytes, position);
    readings.push(decoded.value);
    position = decoded.offset;
  }
  return readings;
}
