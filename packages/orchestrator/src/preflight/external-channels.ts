import { nearest, type ChannelDescription, type ChannelPlan, type Plan, type Problem, type Transport } from '@millrace/core';
import { error, warning } from './findings.js';
import type { Live } from './live.js';
import { count } from './own-channels.js';

/** Channels of others must be there, and are not those of the pipeline under another spelling of its location. */
export function checkExternalChannels(plan: Plan, { channels }: Live, transports: ReadonlyMap<string, Transport>): readonly Problem[] {
  const home = transports.get(plan.location)?.identity;
  const own = new Set(plan.channels.filter(({ external }) => external === undefined).map(({ name }) => name));
  return [...channels].flatMap(([channel, description]) => {
    if (channel.external === undefined) return [];
    const where = portOf(plan, channel);
    if (channel.location !== plan.location && transports.get(channel.location)?.identity === home && own.has(channel.name)) {
      return [error('MILLRACE_CONNECTION_INVALID', where, `${channel.name} at ${channel.location} is a channel of this pipeline: ${plan.location} is the same place`, 'connect the ports instead')];
    }
    if (description === undefined) return [error('MILLRACE_CHANNEL_UNKNOWN', where, `there is no channel ${channel.name} at ${channel.location}, and channels of others are never made by a pipeline`, 'create it, or correct the location')];
    return [...checkReplicas(plan, channel, description), ...checkGroups(channel, description, where)];
  });
}

function checkReplicas({ pipeline }: Plan, { name, reader }: ChannelPlan, { partitions }: ChannelDescription): readonly Problem[] {
  if (reader === undefined || reader.broadcast || reader.replicas <= partitions) return [];
  const idle = reader.replicas - partitions;
  return [warning('MILLRACE_CHANNEL_MISMATCH', `${pipeline}.${reader.operator}`, `${name} has ${count(partitions)} for ${reader.replicas} replicas, of which ${idle} will read nothing of it`, `give it ${partitions === 1 ? 'one replica' : `${partitions} replicas`}, or the channel more partitions`)];
}

/** A group that has no position begins anew. That is meant, unless the name of one that has is misspelt. */
function checkGroups({ name, groups = [], external }: ChannelPlan, description: ChannelDescription, where: string): readonly Problem[] {
  return groups.flatMap((group) => {
    const near = description.groups.has(group) ? undefined : nearest(group, [...description.groups.keys()].filter((known) => !groups.includes(known)));
    if (near === undefined) return [];
    const start = typeof external?.start === 'number' ? new Date(external.start).toISOString() : (external?.start ?? 'earliest');
    return [warning('MILLRACE_GROUP_UNKNOWN', where, `the group ${group} has no positions on ${name} and begins at ${start}, while a group ${near} has some`, `nothing if that is meant; else write group=${near}`)];
  });
}

/** `pipeline.operator.port` of the end that the pipeline has of an external channel. */
function portOf({ pipeline }: Plan, { reader, writers }: ChannelPlan): string {
  const end = reader ?? writers[0];
  return end === undefined ? pipeline : `${pipeline}.${end.operator}.${end.port}`;
}
