import type { ChannelPlan, Plan, Problem, Transport } from '@millrace/core';
import { describeChannels } from './live.js';

/**
 * The plan with the partitions of its external channels filled in, as they are now; channels that are not there keep 0. The
 * same in all else, so that whoever counts partitions needs not know which channels are external.
 */
export async function resolveExternalChannels(plan: Plan, transports: ReadonlyMap<string, Transport>): Promise<Plan> {
  const external = plan.channels.filter((channel) => channel.external !== undefined);
  if (external.length === 0) return plan;
  const problems: Problem[] = [];
  const live = await describeChannels(external, transports, problems);
  const resolved = new Map<ChannelPlan, ChannelPlan>();
  for (const channel of external) resolved.set(channel, { ...channel, partitions: live.get(channel)?.partitions ?? 0 });
  const swap = (channel: ChannelPlan): ChannelPlan => resolved.get(channel) ?? channel;
  return {
    ...plan,
    channels: plan.channels.map(swap),
    operators: plan.operators.map((operator) => ({
      ...operator,
      inputs: operator.inputs.map((input) => ({ ...input, channel: swap(input.channel), deadLetters: input.deadLetters.map(swap) })),
      outputs: operator.outputs.map((output) => ({ ...output, channels: output.channels.map(swap) })),
    })),
  };
}
