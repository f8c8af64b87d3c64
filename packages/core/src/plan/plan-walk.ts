import { operatorMetadataOf } from '../operator/index.js';
import type { ChannelPlan, OperatorPlan } from './plan.js';

/** The channels that an operator reads or writes, each once. */
export function channelsOf(operator: OperatorPlan): readonly ChannelPlan[] {
  return [...new Set([...operator.inputs.flatMap((input) => [input.channel, ...input.deadLetters]), ...operator.outputs.flatMap((output) => output.channels)])];
}

/** What the class of an operator is called, in YAML too. */
export function classOf({ type }: OperatorPlan): string {
  return operatorMetadataOf(type)?.name ?? type.name;
}
