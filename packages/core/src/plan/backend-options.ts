import type { ChannelBackend } from '../channel/spi.js';
import type { Locations, Place } from './locations.js';
import type { ResolvedInput, ResolvedOutput } from './options.js';
import type { ChannelPlan } from './plan.js';
import { issuesOf, reasonOf, type ProblemList } from './problem-list.js';

/** Where the options of connections stand too. */
const OF_DEFAULTS = 'defaults.ports.backend';

/** Parses the `backend` option of a port, or of the defaults, with the schema of the backend that it is for; what is wrong counts as not given. */
function parseBackendOptions(backend: ChannelBackend | undefined, given: unknown, where: string, problems: ProblemList): unknown {
  if (given === undefined) return undefined;
  // An unknown backend has been reported.
  if (backend === undefined) return given;
  if (backend.options === undefined) {
    problems.error('MILLRACE_OPTION_INVALID', where, `the backend of ${backend.schemes.join(', ')} has no options of its own`, 'leave backend out');
    return undefined;
  }
  const ofPort = where === OF_DEFAULTS ? undefined : backend.portOptions;
  try {
    return (ofPort ?? backend.options).parse(given);
  } catch (thrown) {
    for (const complaint of issuesOf(thrown) ?? [reasonOf(thrown)]) problems.error('MILLRACE_OPTION_INVALID', where, `the backend of ${backend.schemes.join(', ')} refuses its options: ${complaint}`, 'correct them');
    return undefined;
  }
}

/** The `backend` options of an input, for the backend of the channel that it reads. Defaults are meant for the home location only. */
export function inputBackendOptions({ own, all }: ResolvedInput, place: Place, where: string, home: Place, problems: ProblemList): unknown {
  if (own.backend !== undefined) return parseBackendOptions(place.backend, own.backend, where, problems);
  return place.backend === home.backend ? parseBackendOptions(home.backend, all.backend, OF_DEFAULTS, problems) : undefined;
}

/** The `backend` options of an output: every backend that it writes to must take them. */
export function outputBackendOptions({ own, all }: ResolvedOutput, channels: readonly ChannelPlan[], where: string, home: Place, locations: Locations, problems: ProblemList): unknown {
  const backends = new Set(channels.map((channel) => locations.backendOf(channel.location)));
  if (own.backend === undefined) return backends.has(home.backend) ? parseBackendOptions(home.backend, all.backend, OF_DEFAULTS, problems) : undefined;
  return [...(backends.size === 0 ? [home.backend] : backends)].map((backend) => parseBackendOptions(backend, own.backend, where, problems))[0];
}
