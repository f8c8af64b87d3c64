import { decodersOf, MillraceError, NO_VALUE, SchemaCatalog, systemClock, TOMBSTONE, toError, type BatchDecoders, type ChannelPlan, type InputPlan, type RecordBatch } from '@millrace/core';
import { EXIT } from '../failure.js';
import type { PipelineFlags } from '../run-options.js';
import type { Streams } from '../terminal.js';
import { descriptionOf, withChannels } from './open.js';
import { batchesUntil, readerOf, withSession } from './reading.js';
import { plainValue, textOrBytes } from './values.js';

export interface PeekFlags extends PipelineFlags {
  readonly partition?: number;
  readonly offset?: number;
  readonly last?: boolean;
  readonly limit: number;
}

/** `millrace channels peek`: records as lines of JSON, decoded. Nobody's position moves. */
export async function peek(target: string, name: string, { partition, offset, last = false, limit, ...flags }: PeekFlags, { out }: Streams): Promise<number> {
  return await withChannels(target, flags, async ({ plan, home, transport: transportOf, channel: find }) => {
    const channel = find(name);
    const transport = transportOf(channel);
    const { starts, ends } = await descriptionOf(transport, channel);
    const partitions = [...ends.keys()].filter((each) => partition === undefined || each === partition).sort((a, b) => a - b);
    if (partitions.length === 0) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${channel.name} has no partition ${partition}; there are ${ends.size}, from 0 on`, { channel: channel.name });
    const schemas = await SchemaCatalog.open(home.control(plan.pipeline));
    try {
      await withSession(transport, plan.pipeline, async (session) => {
        const reader = await readerOf(session, channel, partitions);
        const positions = new Map(await reader.loadInputRecordOffset());
        for (const each of partitions) {
          const from = offset ?? (last ? ends.get(each)! - limit : undefined);
          if (from === undefined) continue;
          positions.set(each, Math.max(from, starts.get(each) ?? 0));
          reader.seek(each, positions.get(each)!);
        }
        const decoders = decodersOf(inputOf(channel), { replica: plan.pipeline, schemas, clock: systemClock, wake() {} });
        let left = last ? limit * partitions.length : limit;
        for await (const batch of batchesUntil(reader, positions, ends)) {
          for (let i = 0; i < batch.count && left > 0; i++) {
            if (batch.offset(i) < positions.get(batch.partition)!) continue;
            left--;
            out.write(`${JSON.stringify({ partition: batch.partition, offset: batch.offset(i), timestamp: new Date(batch.timestamp(i)).toISOString(), key: textOrBytes(batch.key(i)), headers: (batch.headers(i) ?? []).map(([header, value]) => [header, textOrBytes(value)]), ...(await valueAt(batch, i, decoders)) })}\n`);
          }
          if (left <= 0) break;
        }
      });
    } finally {
      await schemas.close();
    }
    return EXIT.done;
  });
}

/** The port that reads a channel, or for one that nobody of the pipeline reads what would read it. */
function inputOf(channel: ChannelPlan): Pick<InputPlan, 'name' | 'codec' | 'channel'> {
  const { port, codec } = channel.reader ?? channel.writers[0]!;
  return { name: port, codec, channel };
}

async function valueAt(batch: RecordBatch, index: number, decoders: BatchDecoders): Promise<object> {
  if (batch.objects !== undefined) return { value: batch.objects[index] === TOMBSTONE ? null : plainValue(batch.objects[index]) };
  const start = batch.bounds[2 * index]!;
  if (start === NO_VALUE) return { value: null };
  const end = batch.bounds[2 * index + 1]!;
  try {
    let decoder = decoders.of(batch);
    // Its schema is under way: from control, or from a registry.
    while (decoder === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      decoder = decoders.of(batch);
    }
    return { value: plainValue(decoder.decode(batch.bytes, start, end)) };
  } catch (thrown) {
    return { bytes: textOrBytes(batch.bytes.slice(start, end)), error: toError(thrown).message };
  }
}
