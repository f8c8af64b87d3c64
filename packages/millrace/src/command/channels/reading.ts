import { randomUUID } from 'node:crypto';
import { MillraceError, type ChannelPlan, type ChannelReader, type RecordBatch, type Session, type Transport } from '@millrace/core';

/** How long nothing may come although records are known to be there. */
const PATIENCE_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** A session of the command's own, which has no part in the pipeline's run. */
export async function withSession<T>(transport: Transport, pipeline: string, work: (session: Session, owner: string) => Promise<T>): Promise<T> {
  const id = `${pipeline}.millrace-command-${randomUUID().slice(0, 8)}#0`;
  const session = await transport.open({ id, delivery: transport.capabilities.transactions ? 'exactly-once' : 'at-least-once', wake() {} });
  try {
    return await work(session, id);
  } finally {
    await session.close();
    await transport.deleteResources({ owners: [id] });
  }
}

/** A reader of some partitions under a group of nobody's, so that reading moves no position. */
export async function readerOf(session: Session, { name, external, backend }: ChannelPlan, partitions: readonly number[], start: 'earliest' | 'latest' | number = 'earliest', group = session.owner): Promise<ChannelReader> {
  return await session.reader(name, { group, partitions, start, ...(external === undefined ? {} : { external: true }), ...(backend === undefined ? {} : { backend }) });
}

/**
 * Batches up to the ends that are known.
 * @throws MillraceError `MILLRACE_TIMEOUT` where they do not come
 */
export async function* batchesUntil(reader: ChannelReader, positions: ReadonlyMap<number, number>, ends: ReadonlyMap<number, number>): AsyncGenerator<RecordBatch> {
  const left = new Map([...positions].filter(([partition, position]) => position < (ends.get(partition) ?? 0)));
  for (let heardAt = performance.now(); left.size > 0;) {
    const batch = reader.readRecords();
    if (batch === undefined) {
      if (performance.now() - heardAt > PATIENCE_MS) throw new MillraceError('MILLRACE_TIMEOUT', `${reader.channel} gave nothing for ${PATIENCE_MS} ms, though there is more in partition ${[...left.keys()].join(', ')}`, { channel: reader.channel });
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      continue;
    }
    heardAt = performance.now();
    if (!left.has(batch.partition)) continue;
    if (batch.next >= ends.get(batch.partition)!) left.delete(batch.partition);
    yield batch;
  }
}
