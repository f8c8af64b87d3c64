import { DeadLetter, MillraceError, NO_VALUE, SchemaCatalog, type ChannelPlan, type ChannelWriter, type Codec, type OutgoingBatch, type Plan, type RecordBatch } from '@millrace/core';
import { EXIT } from '../failure.js';
import type { PipelineFlags } from '../run-options.js';
import { columns, type Streams } from '../terminal.js';
import { descriptionOf, withChannels } from './open.js';
import { batchesUntil, readerOf } from './reading.js';

export interface ReplayFlags extends PipelineFlags {
  readonly dryRun?: boolean;
  readonly format: 'text' | 'json';
}

interface Replayed {
  readonly channel: string;
  readonly cause: string;
  letters: number;
}

/**
 * `millrace channels replay`: sends dead letters back into the channel that they came from, with key, headers, timestamp and
 * partition as they were; positions are kept under a group of its own, so that each letter goes back once.
 */
export async function replay(target: string, name: string | undefined, { dryRun = false, format, ...flags }: ReplayFlags, { out }: Streams): Promise<number> {
  return await withChannels(target, flags, async ({ plan, home, transport: transportOf, channel: find }) => {
    const letters = find(name);
    if (!letters.writers.some(({ port }) => port.endsWith('.deadLetters'))) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${letters.name} holds no dead letters; ${deadLettersOf(plan)}`, { channel: letters.name });
    const transport = transportOf(letters);
    if (letters.external !== undefined || transport !== home) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${letters.name} is not at ${plan.location}; only dead letters of the pipeline’s own channels go back`, { channel: letters.name });
    const { ends } = await descriptionOf(transport, letters);
    const schemas = await SchemaCatalog.open(home.control(plan.pipeline));
    // One name for all, so that of two that run at once the later one fences the other.
    const session = await transport.open({ id: `${plan.pipeline}.millrace-replay#0`, delivery: transport.capabilities.transactions ? 'exactly-once' : 'at-least-once', wake() {} });
    const replayed = new Map<string, Replayed>();
    try {
      const reader = await readerOf(session, letters, [...ends.keys()], 'earliest', `${letters.name}.millrace-replay`);
      const positions = await reader.loadInputRecordOffset();
      const writers = new Map<string, ChannelWriter>();
      for await (const batch of batchesUntil(reader, positions, ends)) {
        for (const letter of lettersIn(batch, schemas)) {
          count(replayed, letter);
          if (dryRun) continue;
          const channel = originOf(plan, letter);
          const writer = writers.get(channel.name) ?? (await session.writer(channel.name));
          writers.set(channel.name, writer);
          await writer.writeRecords(batchOf(letter));
        }
        if (!dryRun) await session.commit(new Map([[reader, new Map([[batch.partition, batch.next]])]]));
      }
    } finally {
      await session.close();
      await schemas.close();
    }
    const rows = [...replayed.values()];
    out.write(format === 'json' ? `${JSON.stringify({ dryRun, replayed: rows }, undefined, 2)}\n` : `${[...columns([['back into', 'letters', 'given up because'], ...rows.map(({ channel, letters: number, cause }) => [channel, String(number), cause])], [1]), dryRun ? 'nothing was changed: --dry-run' : ''].join('\n').trimEnd()}\n`);
    return EXIT.done;
  });
}

function* lettersIn(batch: RecordBatch, schemas: SchemaCatalog): Iterable<DeadLetter> {
  const codec: Codec<DeadLetter> = DeadLetter;
  const written = batch.schema === codec.fingerprint ? codec : schemas.get(batch.schema);
  if (written === undefined && batch.count > 0) throw new MillraceError('MILLRACE_SCHEMA_UNKNOWN', `the dead letters of schema ${batch.schema} cannot be read: nobody has published it`);
  for (let i = 0; i < batch.count; i++) yield codec.decoder(written!).decode(batch.bytes, batch.bounds[2 * i]!, batch.bounds[2 * i + 1]!);
}

function originOf({ pipeline, channels }: Plan, { channel: name }: DeadLetter): ChannelPlan {
  const channel = channels.find((each) => each.name === name && each.external === undefined);
  if (channel === undefined) throw new MillraceError('MILLRACE_COMMAND_INVALID', `a letter came from ${name}, which is no channel of ${pipeline}’s own; nothing of its batch was sent`, { channel: name });
  return channel;
}

function batchOf({ value, key, headers, timestamp, partition, schema }: DeadLetter): OutgoingBatch {
  return {
    partition, schema, timestamp, count: 1,
    bytes: value ?? new Uint8Array(),
    bounds: value === null ? Uint32Array.of(NO_VALUE, NO_VALUE) : Uint32Array.of(0, value.length),
    keys: [key ?? undefined],
    headers: [headers.map(({ name, value: bytes }) => [name, bytes] as const)],
  };
}

function count(replayed: Map<string, Replayed>, { channel, cause: { message } }: DeadLetter): void {
  const cause = message.split('\n')[0]!.slice(0, 100);
  const key = `${channel} ${cause}`;
  const known = replayed.get(key);
  if (known === undefined) replayed.set(key, { channel, cause, letters: 1 });
  else known.letters++;
}

function deadLettersOf({ channels }: Plan): string {
  const names = channels.filter(({ writers }) => writers.some(({ port }) => port.endsWith('.deadLetters'))).map(({ name }) => name);
  return names.length === 0 ? 'no port of the pipeline has onError: deadLetter' : `those are in ${names.join(', ')}`;
}
