import { incompatibilities, type ChannelPlan, type Codec, type Plan, type Problem, type WriterSchema } from '@millrace/core';
import { error, reason } from './findings.js';
import type { Live, PublishedSchema } from './live.js';
import { holdsUnread } from './own-channels.js';

/** Differences told of one pair of schemas. */
const MOST = 20;

/** Records that wait in a channel were written with schemas of earlier starts: today's readers must be able to read them. */
export function checkWaitingRecords({ channels, schemas }: Live): readonly Problem[] {
  return [...channels].flatMap(([channel, description]) => {
    const { reader } = channel;
    if (reader === undefined || channel.external !== undefined || description === undefined || !holdsUnread(channel, description)) return [];
    return schemas.filter((schema) => mayHold(channel, schema)).flatMap((schema) =>
      differences(schema, reader.codec).map((difference) =>
        error('MILLRACE_SCHEMA_INCOMPATIBLE', channel.name, `records that wait there were written by an earlier version of ${schema.name || schema.format} (${schema.fingerprint}) and cannot be read by ${reader.operator}.${reader.port}: ${difference}`, 'let the earlier version read them first, or give the reader’s schema defaults for what they lack; fresh: true deletes them')));
  });
}

/** A schema of one's own must not go under the fingerprint of another one that was published. */
export function checkClashes({ pipeline, channels }: Plan, { schemas }: Live): readonly Problem[] {
  const published = new Map(schemas.map((schema) => [schema.fingerprint, schema]));
  const told = new Set<Codec<unknown>>();
  return channels.filter(({ external }) => external === undefined).flatMap(({ writers }) => writers.flatMap(({ operator, port, codec }) => {
    const schema = published.get(codec.fingerprint);
    if (schema === undefined || schema.schema === codec.schema || told.has(codec)) return [];
    told.add(codec);
    return differences(schema, codec).map((difference) => error('MILLRACE_SCHEMA_CLASH', `${pipeline}.${operator}.${port}`, `an earlier start published another schema under the fingerprint ${codec.fingerprint}: ${difference}`, 'give the record another id, or let the pipeline finish first'));
  }));
}

/** Which writer a published schema belonged to is not kept: the name of its record, and that it is not today's, tell. */
function mayHold({ writers }: ChannelPlan, { name, format, fingerprint }: PublishedSchema): boolean {
  return writers.some(({ codec }) => codec.format === format && codec.name === name) && !writers.some(({ codec }) => codec.fingerprint === fingerprint);
}

function differences(writer: WriterSchema, reader: Codec<unknown>): readonly string[] {
  try {
    const all = incompatibilities(writer, reader).map(reason);
    return all.length > MOST ? [...all.slice(0, MOST), `and ${all.length - MOST} more differences`] : all;
  } catch (thrown) {
    return [reason(thrown)];
  }
}
