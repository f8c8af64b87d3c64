import { decodersOf, MillraceError, NO_VALUE, SchemaCatalog, systemClock, TOMBSTONE, toError, type BatchDecoders, type ChannelPlan, type InputPlan, type RecordBatch } from '@millrace/core';
import { EXIT } from '../failure.js';
import type { PipelineFlags } from '../run-options.js';
import type { Streams } from '../terminal.js';
import { descriptionOf, withChannels } from './open.js';
import { readerOf, withSession } from './reading.js';
import { firstRecords, lastRecords, type Found } from './records.js';
import { plainValue, textOrBytes } from './values.js';

export interface PeekFlags extends PipelineFlags {
  readonly partition?: number;
  readonly offset?: number;
  readonly last?: boolean;
  readonly limit: number;
}

/** `millrace channels peek`: records as lines of JSON, decoded. Nobody's position moves. */
export async function peek(target: string, name: string | undefined, { partition, offset, last = false, limit, ...flags }: PeekFlags, { out }: Streams): Promise<number> {
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
        const decoders = decodersOf(inputOf(channel), { replica: plan.pipeline, schemas, clock: systemClock, wake() {} });
        const print = async (records: AsyncIterable<Found> | Iterable<Found>): Promise<void> => {
          for await (const { batch, index } of records) out.write(`${JSON.stringify({ partition: batch.partition, offset: batch.offset(index), timestamp: new Date(batch.timestamp(index)).toISOString(), key: textOrBytes(batch.key(index)), headers: (batch.headers(index) ?? []).map(([header, value]) => [header, textOrBytes(value)]), ...(await valueAt(batch, index, decoders)) })}\n`);
        };
        if (last) {
          const found = await lastRecords(reader, { partitions, starts, ends, limit });
          await print(partitions.flatMap((each) => found.get(each) ?? []));
        } else {
          for (const each of offset === undefined ? [] : partitions) positions.set(each, Math.max(offset!, starts.get(each) ?? 0));
          await print(firstRecords(reader, positions, ends, limit));
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
