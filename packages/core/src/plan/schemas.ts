import { incompatibilities } from '../codec/index.js';
import { STAND_IN } from './codecs.js';
import type { ChannelEnd, ChannelPlan } from './plan.js';
import { reasonOf, type ProblemList } from './problem-list.js';

/** Differences told of one pair: records that have nothing in common differ in every member. */
const MOST = 20;

/** Holds what each writer of a channel writes against what its reader reads. */
export function checkSchemas(channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  for (const { name, reader, writers } of channels) {
    if (reader === undefined) continue;
    for (const writer of writers) {
      for (const difference of differences(writer, reader)) {
        problems.error('MILLRACE_SCHEMA_INCOMPATIBLE', name, `what ${endName(writer)} writes cannot be read by ${endName(reader)}: ${difference}`, 'declare both ports with one codec, or give the reader’s schema the members that the writer has, with defaults for those that it has not');
      }
    }
  }
  checkFingerprints(channels, pipeline, problems);
}

function differences(writer: ChannelEnd, reader: ChannelEnd): readonly string[] {
  if (writer.codec === reader.codec || writer.codec === STAND_IN || reader.codec === STAND_IN) return [];
  try {
    const all = incompatibilities(writer.codec, reader.codec).map(reasonOf);
    return all.length > MOST ? [...all.slice(0, MOST), `and ${all.length - MOST} more differences`] : all;
  } catch (thrown) {
    return [reasonOf(thrown)];
  }
}

/** Records name their schema by fingerprint, and logical types are outside it: schemas that differ in them must not share one. */
function checkFingerprints(channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  const first = new Map<string, ChannelEnd>();
  for (const writer of channels.filter((channel) => channel.external === undefined).flatMap((channel) => channel.writers)) {
    const known = first.get(writer.codec.fingerprint);
    if (known === undefined) first.set(writer.codec.fingerprint, writer);
    else for (const difference of differences(writer, known)) problems.error('MILLRACE_SCHEMA_CLASH', `${pipeline}.${endName(writer)}`, `its schema clashes with that of ${endName(known)}: ${difference}`, 'declare both ports with one codec, or give one of the records another id');
  }
}

function endName({ operator, port }: ChannelEnd): string {
  return `${operator}.${port}`;
}
