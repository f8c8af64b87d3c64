import { incompatibilities } from '../codec/index.js';
import type { ChannelEnd, ChannelPlan } from './plan.js';
import { reasonOf, sentence, type ProblemList } from './problem-list.js';

/** Holds what each writer of a channel writes against what its reader reads. */
export function checkSchemas(channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  for (const { name, reader, writers } of channels) {
    if (reader === undefined) continue;
    for (const writer of writers) {
      for (const difference of differences(writer, reader)) {
        problems.error('MILLRACE_SCHEMA_INCOMPATIBLE', name, `what ${endName(writer)} writes cannot be read by ${endName(reader)}: ${sentence(difference)}`, 'declare both ports with one codec, or give the reader’s schema the members that the writer has, with defaults for those that it has not');
      }
    }
  }
  checkFingerprints(channels, pipeline, problems);
}

function differences(writer: ChannelEnd, reader: ChannelEnd): readonly string[] {
  if (writer.codec === reader.codec) return [];
  try {
    return incompatibilities(writer.codec, reader.codec);
  } catch (thrown) {
    return [reasonOf(thrown)];
  }
}

/** Records name their schema by fingerprint, and logical types and defaults are outside it: two schemas must not share one. */
function checkFingerprints(channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  const first = new Map<string, ChannelEnd>();
  for (const writer of channels.filter((channel) => channel.external === undefined).flatMap((channel) => channel.writers)) {
    const { fingerprint, schema } = writer.codec;
    const known = first.get(fingerprint);
    if (known === undefined) first.set(fingerprint, writer);
    else if (known.codec.schema !== schema) problems.error('MILLRACE_SCHEMA_CLASH', `${pipeline}.${endName(writer)}`, `its schema ${writer.codec.name} and that of ${endName(known)} differ, and have one fingerprint`, 'declare both ports with one codec, or give one of them another id');
  }
}

function endName({ operator, port }: ChannelEnd): string {
  return `${operator}.${port}`;
}
