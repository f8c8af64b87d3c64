import { CHANNEL_BACKEND, type ChannelBackend, type ChannelSpec, type Problem } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { CAPABILITIES, parseLocation } from './location.js';
import { Place } from './place.js';
import { SkeletonTransport } from './transport.js';

/** Channels of the scheme `skeleton:`. */
export const skeletonBackend: ChannelBackend = {
  schemes: ['skeleton'],

  parse(location) {
    const { canonical, channel } = parseLocation(location);
    return { location: canonical, channel };
  },

  capabilities(location) {
    parseLocation(location);
    return CAPABILITIES;
  },

  check(channels, location) {
    parseLocation(location);
    return channels.flatMap(problemsOf);
  },

  async connect(location) {
    return new SkeletonTransport(Place.enter(parseLocation(location).place));
  },
};

/** The backend as a module of a container, for `backends` of `orchestrate`. */
export const skeletonModule = new ContainerModule(({ bind }) => {
  bind(CHANNEL_BACKEND).toConstantValue(skeletonBackend);
});

/** What a plan is told of channels that this backend cannot carry, before anything runs. */
function problemsOf({ name, partitions }: ChannelSpec): Problem[] {
  const problems: Problem[] = [];
  if (name === '') problems.push({ code: 'MILLRACE_NAME_INVALID', severity: 'error', where: name, what: 'a channel has no name', remedy: 'name it' });
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    problems.push({ code: 'MILLRACE_OPTION_INVALID', severity: 'error', where: name, what: `a channel cannot have ${partitions} partitions`, remedy: 'give it a positive number of partitions' });
  }
  return problems;
}
