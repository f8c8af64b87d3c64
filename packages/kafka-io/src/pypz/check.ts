import { MillraceError, type ChannelSpec, type Problem } from '@millrace/core';
import { isPypz, kafkaOptions, type KafkaLocation } from '../options/index.js';
import { checkTopics } from '../resources/names.js';
import type { KafkaSettings } from '../settings.js';
import { topicsOf } from './names.js';

/** What pypz's readers unpack without modules that its packages do not bring along. */
const CODECS: readonly string[] = ['none', 'gzip'];
/** pypz refuses other names; a dot would shift the parts of a full name. */
const NAME = /^[A-Za-z_][\w-]*$/;

/** What of channels to be pypz could not take part in, as far as it shows without a cluster. */
export function checkPypzChannels(channels: readonly ChannelSpec[], location: KafkaLocation): Problem[] {
  const plain: KafkaLocation = { ...location, prefix: '' };
  const topics = channels.flatMap((channel) => topicsOf(channel.name).map((name, i) => (i === 0 ? channel : { name, partitions: 1 })));
  return [...checkTopics(topics, plain), ...channels.flatMap(checkChannel)];
}

function checkChannel({ name, partitions, reader, writers = [], backend }: ChannelSpec): Problem[] {
  const problems: Problem[] = [];
  const report = (code: Problem['code'], what: string, remedy: string): void => void problems.push({ code, severity: 'error', where: name, what, remedy });
  const parts = name.split('.');
  if (reader !== undefined && (parts.length !== 3 || !parts.every((part) => NAME.test(part)))) report('MILLRACE_NAME_INVALID', `pypz knows names of letters, digits, "_" and "-" that do not begin with a digit or "-", and ${JSON.stringify(name)} has others`, 'name pipeline, operator or port otherwise');
  const wanted = reader === undefined ? 1 : reader.broadcast ? 1 : reader.replicas;
  if (partitions !== wanted) report('MILLRACE_OPTION_INVALID', `a channel shared with pypz has ${wanted === 1 ? 'one partition' : 'a partition for each replica that reads it'}, and the plan gives it ${partitions}: pypz's reader would delete it and make it anew`, 'leave partitions out');
  for (const { codec } of [...(reader === undefined ? [] : [reader]), ...writers]) {
    if (codec.format !== 'avro') report('MILLRACE_OPTION_INVALID', `pypz reads and writes Avro, and a port of the channel is declared with ${codec.format}`, 'declare it with avro()');
    else if (reader !== undefined && codec.fingerprint !== reader.codec.fingerprint) report('MILLRACE_SCHEMA_INCOMPATIBLE', 'pypz reads every record with the schema of the reading port, and a writing port has another one', 'declare both ports with one codec');
  }
  const compression = kafkaOptions.safeParse(backend ?? {}).data?.producer?.compression;
  if (compression !== undefined && !CODECS.includes(compression)) report('MILLRACE_OPTION_INVALID', ofCodec(compression), 'write gzip or none');
  return problems;
}

/** Ports that the location names and the pipeline does not have. */
export function checkPypzPorts(channels: readonly ChannelSpec[], { ports = [], canonical }: KafkaLocation): Problem[] {
  const missing = ports.filter((port) => !channels.some(({ name }) => isPypz({ protocol: 'pypz', ports: [port] }, name)));
  const there = channels.filter(({ reader }) => reader !== undefined).map(({ name }) => name.slice(name.indexOf('.') + 1));
  return missing.map((port) => ({ code: 'MILLRACE_PORT_UNKNOWN', severity: 'error', where: 'location', what: `${canonical} names the port ${port}, and the pipeline has no connected input of that name`, remedy: `name some of ${there.slice(0, 10).join(', ')}${there.length > 10 ? ', …' : ''}` }));
}

/** @throws MillraceError `MILLRACE_OPTION_INVALID` for a codec that pypz cannot read */
export function checkPypzSettings({ producer: { compression } }: Pick<KafkaSettings, 'producer'>): void {
  if (!CODECS.includes(compression)) throw new MillraceError('MILLRACE_OPTION_INVALID', `${ofCodec(compression)}; write gzip or none`);
}

function ofCodec(compression: string): string {
  return `pypz's readers cannot unpack ${compression}`;
}
