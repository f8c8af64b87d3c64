import type { OperatorPlan, Plan, Problem } from '@millrace/core';
import { error } from './findings.js';
import type { Live } from './live.js';
import { count } from './own-channels.js';

/** State per replica belongs to its replica for good: with another number of them some would be lost, or begin anew. */
export function checkRescale({ pipeline, operators }: Plan, { replicas: earlier }: Live): readonly Problem[] {
  return operators.flatMap(({ name, replicas, states }) => {
    const before = earlier.get(name);
    const own = states.filter(({ per }) => per === 'replica').map((state) => state.name);
    if (before === undefined || before === replicas || own.length === 0) return [];
    return [error('MILLRACE_RESCALE_REFUSED', `${pipeline}.${name}`, `it ran with ${before} ${before === 1 ? 'replica' : 'replicas'} and is to run with ${replicas}, but each replica has state of its own (${own.join(', ')})`, `go back to ${before}, declare the state { per: 'partition' }, or let the pipeline finish first; fresh: true deletes the state`)];
  });
}

/** A bounded channel makes its writers wait for every group it ever had: one that no replica has any more would hold it full for ever. */
export function checkGroupsLeft({ pipeline }: Plan, { channels }: Live): readonly Problem[] {
  return [...channels].flatMap(([{ name, external, capabilities, reader, groups = [] }, description]) => {
    if (external !== undefined || reader === undefined || description === undefined || !capabilities.bounded) return [];
    const left = [...description.groups.keys()].filter((group) => (group === name || group.startsWith(`${name}#`)) && !groups.includes(group));
    if (left.length === 0) return [];
    return [error('MILLRACE_RESCALE_REFUSED', `${pipeline}.${reader.operator}.${reader.port}`, `an earlier start read ${name} as ${left.join(', ')} too, which nobody would any more, and the channel waits for all who read it`, 'keep broadcast and the replicas as they were, or let the pipeline finish first; fresh: true deletes the channel')];
  });
}

/** State per partition needs inputs of equal partition counts; those of external channels are known only now. */
export function checkPartitionStates({ pipeline, operators }: Plan, live: Live): readonly Problem[] {
  return operators.flatMap((operator) => {
    const states = operator.states.filter(({ per }) => per === 'partition');
    const counts = countsOf(operator, live);
    if (states.length === 0 || !operator.inputs.some(({ channel }) => channel.external !== undefined) || new Set(counts.map(([, partitions]) => partitions)).size < 2) return [];
    return [error('MILLRACE_STATE_INVALID', `${pipeline}.${operator.name}`, `state per partition (${states.map(({ name }) => name).join(', ')}) needs inputs of equal partition counts: ${counts.map(([port, partitions]) => `${port} has ${count(partitions)}`).join(', ')}`, 'give the inputs that the pipeline owns as many partitions as the external channel has, or read the channels with an operator each')];
  });
}

function countsOf({ inputs }: OperatorPlan, { channels }: Live): readonly (readonly [port: string, partitions: number])[] {
  return inputs.filter(({ broadcast }) => !broadcast).flatMap(({ name, channel }): (readonly [string, number])[] => {
    const partitions = channel.external === undefined ? channel.partitions : channels.get(channel)?.partitions;
    return partitions === undefined ? [] : [[name, partitions]];
  });
}
