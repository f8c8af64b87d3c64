import { formatProblem } from '../error/index.js';
import { UNKNOWN } from './locations.js';
import type { ChannelEnd, ChannelPlan, OperatorPlan, Plan } from './plan.js';
import { classOf } from './plan-walk.js';
import { printableParameters } from './printable.js';
import { shown } from './problem-list.js';

const PARAMETERS_WIDTH = 72;

/** A plan as tables for a terminal: operators, channels, then problems. */
export function planToText(plan: Plan): string {
  const { pipeline, location, capabilities, operators, channels, problems } = plan;
  const traits = capabilities === UNKNOWN ? ['unknown'] : [capabilities.durable ? 'durable' : 'not durable', capabilities.transactions ? 'transactions' : 'no transactions', `reach: ${capabilities.reach}`];
  return [
    `pipeline ${pipeline} at ${location} (${traits.join(', ')})`,
    '',
    ...table(['operator', 'class', 'replicas', 'placement', 'delivery', 'parameters'], operators.map(operatorRow)),
    '',
    ...table(['channel', 'partitions', 'written by', 'read by', 'delivery'], channels.map((channel) => channelRow(channel, operators))),
    '',
    ...(problems.length === 0 ? ['no problems'] : problems.map((problem) => `${problem.severity}: ${formatProblem(problem)}`)),
  ].join('\n');
}

function operatorRow(operator: OperatorPlan): readonly string[] {
  const { name, type, replicas, placement, delivery, parameters } = operator;
  const all = Object.entries(printableParameters(type.parameters, parameters)).map(([key, value]) => `${key}=${typeof value === 'string' && /^[\w.*:/-]+$/.test(value) ? value : shown(value)}`).join(' ');
  return [name, classOf(operator), String(replicas), placement, delivery, all.length > PARAMETERS_WIDTH ? `${all.slice(0, PARAMETERS_WIDTH - 1)}…` : all];
}

function channelRow({ name, partitions, location, external, reader, writers }: ChannelPlan, operators: readonly OperatorPlan[]): readonly string[] {
  const deliveries = new Set(operators.filter((operator) => operator.name === reader?.operator || writers.some((writer) => writer.operator === operator.name)).map((operator) => operator.delivery));
  return [
    external === undefined ? name : `${name} at ${location}`,
    external === undefined ? String(partitions) : 'external',
    writers.length === 0 ? (external === undefined ? '-' : 'others') : writers.map(endText).join(', '),
    reader === undefined ? (external === undefined ? '-' : 'others') : `${endText(reader)}${reader.broadcast ? ' broadcast' : ''}${external?.group === undefined ? '' : ` as ${external.group}`}`,
    // A record is delivered exactly once only where everybody on its way sees to that.
    deliveries.size === 1 ? [...deliveries].join('') : 'at-least-once',
  ];
}

function endText({ operator, port, replicas }: ChannelEnd): string {
  return `${operator}.${port}${replicas === 1 ? '' : ` ×${replicas}`}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd());
}
