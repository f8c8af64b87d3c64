import { race } from '../harness/race.js';
import type { Scenario } from '../harness/scenario.js';
import { latency } from './latency.js';
import { placed } from './placed.js';
import { rawLmdb } from './raw-lmdb.js';
import { relay } from './relay.js';
import { sqliteQueue } from './sqlite-queue.js';

const RECORDS = 300_000;
const BATCH = 500;
/** Source, relay and sink commit. */
const STAGES = 3;

/** Records through a source, an operator and a sink, each commit on the disk; the peers write in as many transactions. */
const exactlyOnce: Scenario = {
  bench: 'local/exactly-once',
  run() {
    let batches = 1;
    return race({
      bench: 'local/exactly-once',
      ours: {
        name: 'millrace',
        records: RECORDS,
        async run() {
          const measured = await relay(RECORDS, BATCH);
          batches = Math.max(1, Math.round((STAGES * RECORDS) / BATCH / measured.transactions));
          return measured;
        },
      },
      rivals: [
        { name: 'raw-lmdb', records: RECORDS, run: () => rawLmdb(RECORDS, BATCH, batches), target: 0.5 },
        { name: 'better-sqlite3', records: RECORDS, run: () => sqliteQueue(RECORDS, BATCH, batches), target: 3 },
      ],
    });
  },
};

const PLACED_RECORDS = 2_000_000;

/** The same, each of the three in a process of its own. */
const processes: Scenario = {
  bench: 'local/processes',
  run: () =>
    race({
      bench: 'local/processes',
      ours: { name: 'processes', records: PLACED_RECORDS, run: () => placed(PLACED_RECORDS, BATCH, 'process') },
      rivals: [{ name: 'inline', records: PLACED_RECORDS, run: () => placed(PLACED_RECORDS, BATCH, 'inline'), target: 0.8 }],
    }),
};

/** What durable channels within a host cost. */
export const localScenarios: readonly Scenario[] = [exactlyOnce, processes, { bench: 'local/latency', run: latency }];
