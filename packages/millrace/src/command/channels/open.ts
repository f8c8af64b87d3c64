import { MillraceError, nearest, type ChannelDescription, type ChannelPlan, type Plan, type Transport } from '@millrace/core';
import { backendOf } from '../doctor/checks.js';
import { soundPlanOf } from '../plan.js';
import { prepare, type PipelineFlags } from '../run-options.js';

/** The channels of a pipeline, and how to get at them. */
export interface OpenChannels {
  readonly plan: Plan;
  /** @throws MillraceError `MILLRACE_COMMAND_INVALID` where none is named, or the pipeline has no such channel */
  readonly channel: (name: string | undefined) => ChannelPlan;
  readonly transport: (channel: ChannelPlan) => Transport;
  /** To the pipeline's own location, where its schemas and state are. */
  readonly home: Transport;
}

/**
 * Connects to the locations of a pipeline, without being a part of its run, and closes when the work is done.
 * @throws MillraceError `MILLRACE_COMMAND_INVALID` for a location that ends with its process
 */
export async function withChannels<T>(target: string, flags: PipelineFlags, work: (open: OpenChannels) => Promise<T>): Promise<T> {
  const prepared = await prepare(target, flags);
  const plan = await soundPlanOf(prepared);
  if (!plan.capabilities.durable) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${plan.location} is there within its own process only; name the location of a run with --location`);
  const backends = (flags.backend ?? []).length === 0 ? [] : (prepared.options.backends ?? []).filter((source) => source instanceof URL);
  const transports = new Map<string, Transport>();
  try {
    for (const location of new Set([plan.location, ...plan.channels.map((channel) => channel.location)])) transports.set(location, await (await backendOf(location, backends)).connect(location));
    return await work({
      plan,
      home: transports.get(plan.location)!,
      transport: ({ location }) => transports.get(location)!,
      channel: (name) => find(plan, name),
    });
  } finally {
    await Promise.all([...transports.values()].map((transport) => transport.close()));
  }
}

/** By its name, with or without that of the pipeline. */
function find({ pipeline, channels }: Plan, name: string | undefined): ChannelPlan {
  const names = channels.map((channel) => channel.name);
  const all = `it has ${names.join(', ') || 'none'}`;
  if (name === undefined) throw new MillraceError('MILLRACE_COMMAND_INVALID', `name a channel of ${pipeline}; ${all}`);
  const found = channels.find((channel) => channel.name === name) ?? channels.find((channel) => channel.name === `${pipeline}.${name}`);
  if (found !== undefined) return found;
  const near = nearest(name, names) ?? nearest(`${pipeline}.${name}`, names);
  throw new MillraceError('MILLRACE_COMMAND_INVALID', `${pipeline} has no channel ${name}; ${near === undefined ? all : `did you mean ${near}?`}`, { channel: name });
}

/** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` where it is not there (yet, or any more) */
export async function descriptionOf(transport: Transport, { name, location }: ChannelPlan): Promise<ChannelDescription> {
  const description = await transport.describeChannel(name);
  if (description === undefined) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `there is no channel ${name} at ${location}: the pipeline has not run there, or has come to its end`, { channel: name });
  return description;
}
