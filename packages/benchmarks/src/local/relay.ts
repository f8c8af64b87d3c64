import { join } from 'node:path';
import { open } from 'lmdb';
import { runFlow } from '../flow/flow.js';
import { Watch } from '../flow/watch.js';
import type { Measured } from '../harness/race.js';
import { withFolder } from './folder.js';

export interface Relayed extends Measured {
  /** Transactions that the database was written in, from beginning to end. */
  readonly transactions: number;
}

/** Passes records from a source over an operator to a sink, exactly-once in a folder: from the first step to the end of the run. */
export function relay(records: number, batchSize: number): Promise<Relayed> {
  return withFolder(async (folder) => {
    const watch = new Watch(records);
    const cpu = process.cpuUsage();
    await runFlow({ batchSize, relay: true, delivery: 'exactly-once', location: `local:${folder}` }, watch);
    const seconds = (performance.now() - watch.startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpuSeconds: (user + system) / 1e6, transactions: await transactionsOf(folder) };
  });
}

async function transactionsOf(folder: string): Promise<number> {
  const root = open({ path: join(folder, 'millrace.mdb'), noSubdir: true, overlappingSync: false });
  const { lastTxnId } = root.getStats() as { lastTxnId: number };
  await root.close();
  return lastTxnId;
}
