import { json, MillraceError, operatorDeclared, operatorMembersOf, operatorMetadataOf, type ChannelEnd, type ChannelPlan, type Codec, type InputPlan, type OperatorClass, type OperatorPlan, type OutputPlan } from '@millrace/core';
import { z } from 'zod';

type EndWire = Omit<ChannelEnd, 'codec'>;
type ChannelWire = Omit<ChannelPlan, 'reader' | 'writers'> & { readonly reader: (EndWire & { readonly broadcast: boolean }) | undefined; readonly writers: readonly EndWire[] };
type InputWire = Omit<InputPlan, 'codec' | 'channel' | 'deadLetters'> & { readonly channel: ChannelWire; readonly deadLetters: readonly ChannelWire[] };
type OutputWire = Omit<OutputPlan, 'codec' | 'channels'> & { readonly channels: readonly ChannelWire[] };

/** An operator of the plan without what only its class can give: its schemas, its plugins, itself. */
export interface OperatorWire {
  readonly module: string;
  readonly className: string;
  /** As given to `add`: the class parses them again, since what a schema makes of them may not travel. */
  readonly parameters: unknown;
  readonly plan: Omit<OperatorPlan, 'type' | 'module' | 'parameters' | 'inputs' | 'outputs' | 'states' | 'plugins'>;
  readonly inputs: readonly InputWire[];
  readonly outputs: readonly OutputWire[];
}

export function operatorToWire({ type, module, parameters: _parsed, inputs, outputs, states: _states, plugins: _plugins, ...plan }: OperatorPlan, parameters: unknown): OperatorWire {
  return {
    module: module ?? '',
    className: operatorMetadataOf(type)?.name ?? type.name,
    parameters, plan,
    inputs: inputs.map(({ codec: _codec, channel, deadLetters, ...input }) => ({ ...input, channel: channelToWire(channel), deadLetters: deadLetters.map(channelToWire) })),
    outputs: outputs.map(({ codec: _codec, channels, ...output }) => ({ ...output, channels: channels.map(channelToWire) })),
  };
}

function channelToWire({ reader, writers, ...channel }: ChannelPlan): ChannelWire {
  const end = ({ codec: _codec, ...rest }: ChannelEnd): EndWire => rest;
  return { ...channel, reader: reader && { ...end(reader), broadcast: reader.broadcast }, writers: writers.map(end) };
}

/** Of the other ends of its channels a child knows no schema, and needs none: it meets theirs in records and in control. */
const FOREIGN: Codec<unknown> = json(z.unknown());

/**
 * Loads the class of an operator, and makes the plan whole again with what the class says of itself.
 * @throws MillraceError `MILLRACE_CLASS_NOT_FOUND`
 */
export async function operatorFromWire({ module, className, parameters: given, plan, inputs, outputs }: OperatorWire): Promise<OperatorPlan> {
  const type = await loadClass(module, className, plan.name);
  const members = operatorMembersOf(type);
  const parameters = type.parameters.parse(given);
  const codecOf = (port: string): Codec<unknown> => members.ports.get(port)?.codec ?? FOREIGN;
  return {
    ...plan, type, module, parameters,
    inputs: inputs.map((input) => ({ ...input, codec: codecOf(input.name), channel: channelFromWire(input.channel), deadLetters: input.deadLetters.map(channelFromWire) })),
    outputs: outputs.map((output) => ({ ...output, codec: codecOf(output.name), channels: output.channels.map(channelFromWire) })),
    states: [...members.states.values()],
    plugins: [...members.plugins.values()].map((plugin) => ({ ...plugin, values: plugin.type.parameters.parse(plugin.parameters(parameters)) })),
  };
}

function channelFromWire({ reader, writers, ...channel }: ChannelWire): ChannelPlan {
  return { ...channel, reader: reader && { ...reader, codec: FOREIGN }, writers: writers.map((end) => ({ ...end, codec: FOREIGN })) };
}

/** How long after its module was loaded a class may take to be declared. */
const DECLARING_MS = 10_000;

/**
 * A module may be the program itself, which starts the pipeline when it is loaded: here that never comes back, and so the class
 * is there before the module is.
 */
async function loadClass(module: string, className: string, operator: string): Promise<OperatorClass> {
  const declared = operatorDeclared(`${module}#${className}`);
  const failed = (what: string, cause?: unknown): MillraceError => new MillraceError('MILLRACE_CLASS_NOT_FOUND', `${module} ${what}`, { operator, cause });
  const loading = import(module).then(() => undefined, (cause: unknown) => failed(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}${/\.[cm]?tsx?$/.test(module) ? '; where tsx is installed it loads TypeScript, else build it first' : ''}`, cause));
  const failure = await Promise.race([loading, declared.then(() => undefined)]);
  if (failure !== undefined) throw failure;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(failed(`was loaded, and declares no operator ${className} within ${DECLARING_MS} ms; write @operator(import.meta) above the class, at the top level of that module`)), DECLARING_MS);
  });
  try {
    return await Promise.race([declared, late]);
  } finally {
    clearTimeout(timer);
  }
}
