import type { ChannelPlan, OperatorPlan, Plan } from './plan.js';
import { planToJson } from './to-json.js';
import { planToMermaid } from './to-mermaid.js';
import { planToText } from './to-text.js';

/** The plan with another number of replicas for one operator, and the same in all else: partitions never change. @internal */
export function rescaledPlan(plan: Plan, operator: string, replicas: number): Plan {
  const swap = channelSwap(operator, replicas);
  const rescaled: Plan = {
    ...plan,
    channels: plan.channels.map(swap),
    operators: plan.operators.map((each) => swapIn(each.name === operator ? { ...each, replicas } : each, swap)),
    toText: () => planToText(rescaled),
    toJSON: () => planToJson(rescaled),
    toMermaid: () => planToMermaid(rescaled),
  };
  return rescaled;
}

/** One operator of {@link rescaledPlan}, which has another number of replicas. @internal */
export function rescaledOperator(plan: OperatorPlan, replicas: number): OperatorPlan {
  return plan.replicas === replicas ? plan : swapIn({ ...plan, replicas }, channelSwap(plan.name, replicas));
}

/** A channel stays one object however many ends name it. */
function channelSwap(operator: string, replicas: number): (channel: ChannelPlan) => ChannelPlan {
  const swapped = new Map<ChannelPlan, ChannelPlan>();
  const resize = <E extends { readonly operator: string }>(end: E): E => (end.operator === operator ? { ...end, replicas } : end);
  return (channel) => {
    let found = swapped.get(channel);
    if (found === undefined) swapped.set(channel, (found = { ...channel, reader: channel.reader && resize(channel.reader), writers: channel.writers.map(resize) }));
    return found;
  };
}

function swapIn(operator: OperatorPlan, swap: (channel: ChannelPlan) => ChannelPlan): OperatorPlan {
  return {
    ...operator,
    inputs: operator.inputs.map((input) => ({ ...input, channel: swap(input.channel), deadLetters: input.deadLetters.map(swap) })),
    outputs: operator.outputs.map((output) => ({ ...output, channels: output.channels.map(swap) })),
  };
}
