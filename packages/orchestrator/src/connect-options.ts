import { nearest, type ChannelBackend, type Plan, type Problem } from '@millrace/core';
import { backendOf } from './backends.js';
import type { OrchestrateOptions } from './options.js';

export interface ConnectOptions {
  /** By location, as the plan spells it. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
}

/**
 * What each connection of a plan is made with: what `connect` says of its location, however that is spelt; else the `backend` of
 * the defaults, which is meant for the backend of the pipeline's location.
 */
export function connectOptions({ location: home, channels }: Plan, backends: readonly ChannelBackend[], { connect = {}, defaults }: Pick<OrchestrateOptions, 'connect' | 'defaults'>): ConnectOptions {
  const locations = [...new Set([home, ...channels.map(({ location }) => location)])];
  const shared = defaults?.ports?.backend;
  const options: Record<string, unknown> = {};
  for (const location of locations) if (shared !== undefined && backendOf(location, backends) === backendOf(home, backends)) options[location] = shared;
  const problems: Problem[] = [];
  for (const [given, own] of Object.entries(connect)) {
    const location = spelling(given, backendOf(given, backends));
    if (locations.includes(location)) options[location] = own;
    else problems.push({ code: 'MILLRACE_OPTION_INVALID', severity: 'error', where: 'connect', what: `no channel of the pipeline is at ${location}`, remedy: `name one of its locations: ${nearest(location, locations) ?? locations.join(', ')}` });
  }
  return { options, problems };
}

function spelling(location: string, backend: ChannelBackend | undefined): string {
  try {
    return backend?.parse(location).location ?? location;
  } catch {
    return location;
  }
}
