import { replicaName, type Plan, type StatusBoard, type Transport } from '@millrace/core';
import { ownChannels } from './generation.js';

/**
 * What a run that is done may delete: its channels, its owners and their state. Dead letters that nobody of the pipeline reads
 * stay as long as there are any.
 */
export async function deletable(plan: Plan, home: Transport): Promise<{ readonly channels: readonly string[]; readonly owners: readonly string[] }> {
  const channels: string[] = [];
  for (const { name, reader } of ownChannels(plan)) {
    const description = reader === undefined ? await home.describeChannel(name) : undefined;
    const isEmpty = description === undefined || [...description.ends].every(([partition, end]) => end <= (description.starts.get(partition) ?? 0));
    if (isEmpty) channels.push(name);
  }
  const owners = plan.operators.flatMap((operator) => Array.from({ length: operator.replicas }, (_, index) => replicaName(plan.pipeline, operator.name, index)));
  return { channels, owners };
}

/** Whether every replica of the plan is done, also those that other starts of the run have. */
export function isPlanDone(plan: Plan, board: StatusBoard): boolean {
  return plan.operators.every((operator) => Array.from({ length: operator.replicas }, (_, index) => index).every((index) => {
    const owner = replicaName(plan.pipeline, operator.name, index);
    const ends = [
      ...operator.inputs.map(({ channel }) => ({ channel, side: 'reader' as const })),
      ...operator.outputs.flatMap(({ channels }) => channels.map((channel) => ({ channel, side: 'writer' as const }))),
    ].filter(({ channel }) => channel.external === undefined);
    // Without a channel of the pipeline it tells nobody of its end: known here only if it ran here.
    if (ends.length === 0) return plan.selected(operator.name, index);
    return ends.every(({ channel, side }) => {
      const status = board.get(channel.name, owner, side);
      return status?.status === 'Closed' && status.reason === 'done';
    });
  }));
}
