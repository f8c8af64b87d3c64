import type { ChannelBackend, ChannelSpec } from '../channel/spi.js';
import type { Problem } from '../error/index.js';
import { capabilitiesOf, parseMemoryLocation } from './location.js';
import { MemoryTransport } from './transport.js';

/**
 * Channels in the memory of this process, for pipelines whose replicas share a thread, and for tests.
 *
 * Locations are `memory:[space][/channel][?wire&records=N&bytes=N]`. Spaces belong to the process: two connections that name
 * one share its channels, state and facts, until it ends or {@link dropMemorySpace} is called. Records travel by reference, or
 * with `wire` encoded. A channel holds 4,096 records that some group has not read and committed past (with `wire`: 8 MiB),
 * or as many as the location that it was made through says; then its writers wait. A writer under exactly-once stages as many
 * again at most before it commits.
 */
export const memoryBackend: ChannelBackend = {
  schemes: ['memory'],

  parse(location) {
    const { canonical, channel } = parseMemoryLocation(location);
    return { location: canonical, channel };
  },

  capabilities(location) {
    return capabilitiesOf(parseMemoryLocation(location));
  },

  check(channels, location) {
    parseMemoryLocation(location);
    return channels.flatMap((spec) => problemsOf(spec));
  },

  async connect(location) {
    return new MemoryTransport(parseMemoryLocation(location));
  },
};

function problemsOf(spec: ChannelSpec): Problem[] {
  const problems: Problem[] = [];
  if (spec.name === '' || /[?\s]/.test(spec.name)) {
    problems.push({ code: 'MILLRACE_NAME_INVALID', severity: 'error', where: spec.name, what: 'the name of a channel is empty or has a blank or "?" in it', remedy: 'name it otherwise' });
  }
  if (!Number.isSafeInteger(spec.partitions) || spec.partitions < 1) {
    problems.push({ code: 'MILLRACE_OPTION_INVALID', severity: 'error', where: spec.name, what: `a channel cannot have ${spec.partitions} partitions`, remedy: 'give it a positive number of partitions' });
  }
  if (spec.backend !== undefined) {
    problems.push({ code: 'MILLRACE_OPTION_INVALID', severity: 'error', where: spec.name, what: 'the memory backend has no options of its own', remedy: 'leave backend out; bounds stand in the location' });
  }
  return problems;
}
