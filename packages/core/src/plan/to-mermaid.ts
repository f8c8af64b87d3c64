import type { ChannelEnd, ChannelPlan, OperatorPlan, Plan } from './plan.js';
import { classOf } from './plan-walk.js';

/** A plan as a Mermaid flow chart: operators as boxes, channels as stadiums, those of others and dead letters as they stand. */
export function planToMermaid({ operators, channels }: Plan): string {
  // Ids of our own: names may be words that Mermaid keeps for itself, such as `end`.
  const ids = new Map(operators.map((operator, index) => [operator.name, `o${index}`]));
  const edge = (from: string | undefined, to: string | undefined, label: string): readonly string[] => (from === undefined || to === undefined ? [] : [`  ${from} -->|"${escaped(label)}"| ${to}`]);
  return [
    'flowchart LR',
    ...operators.map((operator) => `  ${ids.get(operator.name) ?? ''}["${operatorLabel(operator)}"]`),
    ...channels.map((channel, index) => `  c${index}(["${channelLabel(channel)}"])`),
    ...channels.flatMap(({ reader, writers }, index) => [
      ...writers.flatMap((writer) => edge(ids.get(writer.operator), `c${index}`, endLabel(writer))),
      ...(reader === undefined ? [] : edge(`c${index}`, ids.get(reader.operator), `${endLabel(reader)}${reader.broadcast ? ' (broadcast)' : ''}`)),
    ]),
  ].join('\n');
}

function operatorLabel(operator: OperatorPlan): string {
  const { name, replicas } = operator;
  return `${escaped(name)}${replicas === 1 ? '' : ` ×${replicas}`}<br/>${escaped(classOf(operator))}`;
}

function channelLabel({ name, partitions, external, location }: ChannelPlan): string {
  return `${escaped(name)}<br/>${external === undefined ? `${partitions} partition${partitions === 1 ? '' : 's'}` : `external, ${escaped(location)}`}`;
}

function endLabel({ port }: ChannelEnd): string {
  return port;
}

/** Text inside a quoted label; Mermaid writes characters by entity names between `#` and `;`. */
function escaped(text: string): string {
  return text.replace(/[#"<>&`\r\n]/g, (character) => `#${character.charCodeAt(0)};`);
}
