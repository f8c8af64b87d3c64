import type { OperatorDraft } from './draft.js';
import { INPUT_RULES, type ResolvedInput } from './options.js';
import type { ChannelPlan } from './plan.js';
import type { ProblemList } from './problem-list.js';

/** Options about the writers of a channel; those of an external one give no signs of themselves. */
const ABOUT_WRITERS = ['onWriterDeath', 'openTimeout', 'syncOpen', 'sequential'] as const;

/** The options of an input that reads an external channel: what cannot apply to one is refused where `add` says it, and dropped where defaults do. */
export function externalInputOptions({ own, all }: ResolvedInput, where: string, problems: ProblemList): ResolvedInput['all'] {
  for (const option of ABOUT_WRITERS) {
    if (own[option] !== undefined && own[option] !== INPUT_RULES[option].preset) problems.error('MILLRACE_OPTION_INVALID', `${where}.${option}`, `${option} is about the writers of a channel, and those of an external channel tell nothing of themselves`, 'leave it out');
  }
  if (own.partitions !== undefined) problems.error('MILLRACE_OPTION_INVALID', `${where}.partitions`, 'an external channel has the partitions that it has', 'leave it out');
  return { ...all, ...Object.fromEntries(ABOUT_WRITERS.map((option) => [option, INPUT_RULES[option].preset])) };
}

/** Checks external channels against each other and against those of the pipeline. */
export function checkExternal(channels: readonly ChannelPlan[], pipeline: string, problems: ProblemList): void {
  const own = new Set(channels.filter((channel) => channel.external === undefined).map(({ location, name }) => JSON.stringify([location, name])));
  const readers = new Map<string, string>();
  for (const { name, location, external, reader, writers } of channels) {
    if (external === undefined) continue;
    const end = reader ?? writers[0];
    const where = end === undefined ? pipeline : `${pipeline}.${end.operator}.${end.port}`;
    if (own.has(JSON.stringify([location, name]))) problems.error('MILLRACE_CONNECTION_INVALID', where, `${name} at ${location} is a channel of this pipeline`, 'connect the ports instead');
    if (reader === undefined || external.group === undefined) continue;
    const key = JSON.stringify([location, name, external.group]);
    const other = readers.get(key);
    if (other === undefined) readers.set(key, where);
    else if (other !== where) problems.error('MILLRACE_CONNECTION_INVALID', where, `it reads ${name} under the group ${external.group}, as ${other} does, and each would move the other’s positions`, 'give each input a group of its own');
  }
}

/** Checks that dead letters are there where somebody reads them, and warns of those that nobody reads. */
export function checkDeadLetters({ where, name, options }: OperatorDraft, input: string, channels: readonly ChannelPlan[], connected: boolean, problems: ProblemList): void {
  const { onError } = options.inputs.get(input)?.all ?? { onError: 'fail' };
  if (onError !== 'deadLetter') {
    if (connected) problems.error('MILLRACE_CONNECTION_INVALID', `${where}.${input}.deadLetters`, `the dead letters are connected, but onError of the port is '${onError}', so that there are none`, "give the port onError: 'deadLetter', or remove the connection");
    return;
  }
  for (const channel of channels) {
    if (channel.reader !== undefined || channel.external !== undefined) continue;
    const { bounded, durable } = channel.capabilities;
    const fate = [...(bounded ? ['once it is full the operator waits'] : []), ...(durable ? [] : ['it ends with the process'])].join(', and ');
    if (fate !== '') problems.warning('MILLRACE_DEAD_LETTERS_UNREAD', `${where}.${input}`, `nobody reads its dead letters in ${channel.name}: ${fate}`, `connect an input to ${name}.${input}.deadLetters, or send them to an external channel with deadLetters.to()`);
  }
}
