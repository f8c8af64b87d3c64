import { join } from 'node:path';
import avsc from 'avsc';
import { expectedSum, makeReadings, Reading } from '../flow/records.js';
import type { Measured } from '../harness/race.js';
import { withFolder } from './folder.js';

/** What is used of better-sqlite3, which takes minutes to build, so that it is no dependency: `npm install --no-save better-sqlite3@12.11.1`. */
interface Sqlite {
  pragma(text: string): unknown;
  exec(text: string): unknown;
  prepare(text: string): { run(...values: unknown[]): unknown; all(...values: unknown[]): unknown[] };
  transaction(work: () => void): () => void;
  close(): unknown;
}

const PACKAGE: string = 'better-sqlite3';
const type = avsc.Type.forSchema(JSON.parse(Reading.schema) as avsc.Schema);

interface Row {
  readonly id: number;
  readonly value: Buffer;
}

/**
 * The same as a queue in SQLite, a record a row, in WAL mode and synced at each commit: batches are inserted, selected and deleted.
 * @param batches how many go into one transaction of the source, the relay, the sink
 * @throws Error where better-sqlite3 is not installed
 */
export async function sqliteQueue(records: number, batchSize: number, batches: number): Promise<Measured> {
  const { default: Database } = (await import(PACKAGE)) as { default: new (path: string) => Sqlite };
  return await withFolder(async (folder) => {
    const db = new Database(join(folder, 'queue.db'));
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec('CREATE TABLE first (id INTEGER PRIMARY KEY, value BLOB); CREATE TABLE second (id INTEGER PRIMARY KEY, value BLOB); CREATE TABLE state (name TEXT PRIMARY KEY, at INTEGER)');
    const state = db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)');
    const [insertFirst, insertSecond] = [db.prepare('INSERT INTO first (value) VALUES (?)'), db.prepare('INSERT INTO second (value) VALUES (?)')];
    const [selectFirst, selectSecond] = [db.prepare('SELECT id, value FROM first ORDER BY id LIMIT ?'), db.prepare('SELECT id, value FROM second ORDER BY id LIMIT ?')];
    const [deleteFirst, deleteSecond] = [db.prepare('DELETE FROM first WHERE id <= ?'), db.prepare('DELETE FROM second WHERE id <= ?')];
    const size = batches * batchSize;
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    let sum = 0;
    for (let from = 0; from < records; from += size) {
      const count = Math.min(size, records - from);
      db.transaction(() => {
        for (const reading of makeReadings(from, count)) insertFirst.run(type.toBuffer(reading));
        state.run('sent', from + count);
      })();
      db.transaction(() => {
        const rows = selectFirst.all(count) as Row[];
        for (const { value } of rows) insertSecond.run(type.toBuffer(type.fromBuffer(value)));
        deleteFirst.run(rows.at(-1)?.id);
      })();
      db.transaction(() => {
        const rows = selectSecond.all(count) as Row[];
        for (const { value } of rows) sum += (type.fromBuffer(value) as Reading).n;
        deleteSecond.run(rows.at(-1)?.id);
      })();
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    db.close();
    if (sum !== expectedSum(records)) throw new Error('SQLite has other records than were sent');
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  });
}
