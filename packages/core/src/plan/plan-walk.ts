import type { ChannelPlan, OperatorPlan } from './plan.js';

/** The channels that an operator reads or writes, each once. */
export function channelsOf(operator: OperatorPlan): readonly ChannelPlan[] {
  return [...new Set([...operator.inputs.flatMap((input) => [input.channel, ...input.deadLetters]), ...operator.outputs.flatMap((output) => output.channels)])];
}
