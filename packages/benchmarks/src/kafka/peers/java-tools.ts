import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runKafkaTool } from '@millrace/testing/kafka';
import type { Measured } from '../../harness/race.js';
import type { Job } from './job.js';
import { PAYLOADS } from './payloads.js';

/** Records before those that count, in which Java compiles its code. */
const WARM_UP = 1_000_000;

/** Kafka's ProducerPerformance, tuned, with the payloads made before it starts. */
export async function producerPerformance({ bootstrap, records, to = '' }: Job): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-payloads-'));
  try {
    // A file of lines: of the payloads only the length counts.
    const file = join(folder, 'payloads');
    await writeFile(file, PAYLOADS.map(({ length }) => 'x'.repeat(length)).join('\n'));
    const { stdout } = await runKafkaTool('kafka-producer-perf-test', [
      '--topic', to, '--num-records', String(records + WARM_UP), '--warmup-records', String(WARM_UP), '--throughput', '-1', '--payload-file', file,
      '--bootstrap-server', bootstrap, '--command-property', 'acks=all', 'linger.ms=20', 'batch.size=262144',
    ]);
    return { seconds: records / checked(Number(/steady state records sent, ([\d.]+) records\/sec/.exec(stdout)?.[1]), stdout) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Kafka's ConsumerPerformance, which looks into no value: by the time in which it fetched, without that of joining its group. */
export async function consumerPerformance({ bootstrap, records, from = '', group }: Job): Promise<Measured> {
  const { stdout } = await runKafkaTool('kafka-consumer-perf-test', ['--topic', from, '--group', group, '--num-records', String(records), '--bootstrap-server', bootstrap]);
  const [head, values] = stdout.trim().split('\n').slice(-2).map((line) => line.split(',').map((cell) => cell.trim()));
  return { seconds: records / checked(Number(values?.[head?.indexOf('fetch.nMsg.sec') ?? -1]), stdout) };
}

function checked(rate: number, stdout: string): number {
  if (!(rate > 0)) throw new Error(`no rate in what it printed:\n${stdout}`);
  return rate;
}
