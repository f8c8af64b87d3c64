import type { Offsets } from '@millrace/core';
import { KafkaError, listOffsets, protocolError, type Isolation, type KafkaClient, type OffsetQuery } from './client/index.js';
import { backendFailed, retry } from './retry.js';

/** Ms for which a leader may be out of reach. */
const PATIENCE = 30_000;

/**
 * Asks the leaders of a topic's partitions for offsets: both ends, or by time.
 * @returns an offset for each partition asked for; -1 where no record is at or after the time
 * @throws MillraceError `MILLRACE_BACKEND_FAILED`, `MILLRACE_TIMEOUT`
 */
export async function askOffsets(client: KafkaClient, topic: string, partitions: readonly number[], at: OffsetQuery['at'], isolation: Isolation): Promise<Offsets> {
  const found = new Map<number, number>();
  await retry(
    async () => {
      const byLeader = new Map<number, OffsetQuery[]>();
      for (const partition of partitions) {
        if (found.has(partition)) continue;
        const leader = client.leader(topic, partition);
        if (leader === undefined) throw new KafkaError('protocol', 'nobody leads the partition', { topic, partition, code: 'LEADER_NOT_AVAILABLE' });
        const queries = byLeader.get(leader) ?? [];
        queries.push({ topic, partition, at });
        byLeader.set(leader, queries);
      }
      const answers = await Promise.all(Array.from(byLeader, ([leader, queries]) => client.node(leader).send(listOffsets(queries, isolation))));
      for (const { partition, errorCode, offset } of answers.flat()) {
        const error = protocolError(errorCode, { api: 'ListOffsets', topic, partition });
        if (error !== undefined) throw error;
        found.set(partition, offset);
      }
    },
    { patience: PATIENCE, what: `asking for the offsets of topic ${topic}`, again: () => client.refresh([topic]) },
  ).catch((error: unknown) => {
    throw backendFailed(error);
  });
  return found;
}
