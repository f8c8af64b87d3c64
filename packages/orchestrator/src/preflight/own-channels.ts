import type { ChannelDescription, ChannelPlan, OperatorPlan, Plan, Problem } from '@millrace/core';
import { error } from './findings.js';
import type { Live } from './live.js';

/** Channels of earlier starts keep their partitions for life; the plan must agree with them. */
export function checkOwnChannels({ operators }: Plan, { channels }: Live): readonly Problem[] {
  return [...channels].flatMap(([channel, description]) => {
    if (channel.external !== undefined || description === undefined || description.partitions === channel.partitions) return [];
    return [error('MILLRACE_CHANNEL_MISMATCH', channel.name, `the channel has ${count(description.partitions)}, and the plan gives it ${channel.partitions}; keys are placed by that number, so it never changes`, remedyFor(channel, description, operators))];
  });
}

function remedyFor({ reader }: ChannelPlan, { partitions }: ChannelDescription, operators: readonly OperatorPlan[]): string {
  const start = 'to change it, let the pipeline finish or drain it, and start it with fresh: true, which deletes its channels';
  const operator = operators.find(({ name }) => name === reader?.operator);
  if (reader === undefined || operator === undefined) return start;
  if (reader.broadcast || operator.replicas <= partitions) return `give ${reader.operator} ports: { ${reader.port}: { partitions: ${partitions} } }, which ${operator.replicas === 1 ? 'its replica reads' : `its ${operator.replicas} replicas share`}; ${start}`;
  return `go back to ${partitions === 1 ? 'one replica' : `at most ${partitions} replicas`} of ${reader.operator}; ${start}`;
}

/** Records that the group of a channel has not read and committed yet. A group that is not there has read nothing. */
export function holdsUnread({ groups = [] }: ChannelPlan, description: ChannelDescription): boolean {
  return groups.some((group) => [...description.ends].some(([partition, end]) => end > (description.groups.get(group)?.get(partition) ?? description.starts.get(partition) ?? 0)));
}

export function count(partitions: number): string {
  return partitions === 1 ? 'one partition' : `${partitions} partitions`;
}
