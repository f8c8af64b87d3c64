import type { CrashTestOptions } from '@millrace/testing';
import { runKafkaTool, startKafka } from '@millrace/testing/kafka';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backendOf } from './backends.js';

/** A place for a crash test: what the test needs to know of it, and how to leave it. */
export interface CrashTarget {
  readonly options: Pick<CrashTestOptions, 'backend' | 'location' | 'results' | 'points' | 'leftOpen'>;
  close(): Promise<void>;
}

/** A folder that is gone afterwards. */
export async function localTarget(): Promise<CrashTarget> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const location = `local:${folder}`;
  return {
    options: {
      backend: await backendOf(location), location,
      results: (channel) => `${location}?channel=${channel}`,
      // Records and what covers them are stored in one atom.
      points: ['before-send', 'before-ack', 'in-transaction', 'after-commit', 'after-fence'],
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The cluster of the environment variable MILLRACE_KAFKA, else a broker that ends with the test. */
export async function kafkaTarget(): Promise<CrashTarget> {
  const given = process.env['MILLRACE_KAFKA'];
  if (given !== undefined && given !== '') return kafkaAt(given);
  const cluster = await startKafka();
  return kafkaAt(cluster.bootstrap, () => cluster.close());
}

/** A cluster that runs. */
export async function kafkaAt(bootstrap: string, close: () => Promise<void> = async () => {}): Promise<CrashTarget> {
  const location = `kafka://${bootstrap}`;
  return {
    options: { backend: await backendOf(location), location, results: (channel) => `${location}/${channel}`, leftOpen: (pipeline) => openTransactions(bootstrap, pipeline) },
    close,
  };
}

/** Transactions of the pipeline's owners that are not ended, by Kafka's own word. */
async function openTransactions(bootstrap: string, pipeline: string): Promise<readonly string[]> {
  const { stdout } = await runKafkaTool('kafka-transactions', ['--bootstrap-server', bootstrap, 'list']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/)).filter(([id]) => id?.startsWith(pipeline) === true);
  if (rows.length === 0) return [`Kafka knows of no transaction of ${pipeline}`];
  return rows.filter(([, , , state]) => state !== 'Empty' && state !== 'CompleteCommit' && state !== 'CompleteAbort').map(([id, , , state]) => `the transaction of ${id} is ${state}`);
}
