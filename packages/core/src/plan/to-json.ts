import type { ChannelEnd, ChannelPlan, InputPlan, OperatorPlan, OutputPlan, Plan } from './plan.js';
import { classOf } from './plan-walk.js';
import { printableParameters, printablePlugin } from './printable.js';

/** A plan as plain values, the same for the same pipeline: no classes, no secrets, no functions. */
export function planToJson({ pipeline, location, capabilities, operators, channels, problems }: Plan): unknown {
  return {
    pipeline,
    location,
    capabilities: { ...capabilities },
    operators: operators.map(operatorToJson),
    channels: channels.map(channelToJson),
    problems: problems.map(({ code, severity, where, what, remedy }) => ({ code, severity, where, what, remedy })),
  };
}

function operatorToJson(operator: OperatorPlan): unknown {
  const { name, type, module, replicas, placement, children, restart, delivery, tick, idle, commitInterval, maxStepBytes, stepTimeout, inputs, outputs, states, plugins, levels } = operator;
  return {
    name,
    class: classOf(operator),
    ...(module === undefined ? {} : { module }),
    replicas,
    placement,
    ...(placement === 'inline' ? {} : { children: Object.fromEntries(Object.entries(children).filter(([, value]) => value !== undefined)) }),
    restart: { ...restart },
    delivery,
    ...(tick === undefined ? {} : { tick }),
    idle,
    commitInterval,
    ...(maxStepBytes === undefined ? {} : { maxStepBytes }),
    stepTimeout,
    parameters: printableParameters(type.parameters, operator.parameters),
    inputs: inputs.map(inputToJson),
    outputs: outputs.map(outputToJson),
    states: states.map(({ name, per }) => ({ name, per })),
    plugins: plugins.map((plugin) => ({ name: plugin.name, class: plugin.type.name, parameters: printablePlugin(plugin, operator.parameters) })),
    levels,
  };
}

function inputToJson({ name, codec, channel, deadLetters, broadcast, onError, retries, backoff, onWriterDeath, openTimeout, syncOpen, sequential }: InputPlan): unknown {
  return { name, record: codec.name, format: codec.format, channel: channel.name, deadLetters: deadLetters.map((letters) => letters.name), broadcast, onError, retries, backoff, onWriterDeath, openTimeout, syncOpen, sequential };
}

function outputToJson({ name, codec, channels, partitioner, validate, openTimeout }: OutputPlan): unknown {
  return { name, record: codec.name, format: codec.format, channels: channels.map((channel) => channel.name), partitioner, validate, openTimeout };
}

function channelToJson({ name, location, partitions, groups, external, reader, writers }: ChannelPlan): unknown {
  const end = ({ operator, port, replicas }: ChannelEnd): object => ({ operator, port, replicas });
  return {
    name,
    location,
    ...(external === undefined ? { partitions } : { external: Object.fromEntries(Object.entries(external).filter(([, value]) => value !== undefined)) }),
    groups: groups ?? [],
    ...(reader === undefined ? {} : { reader: { ...end(reader), broadcast: reader.broadcast } }),
    writers: writers.map(end),
  };
}
