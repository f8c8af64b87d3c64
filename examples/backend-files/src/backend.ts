import { CHANNEL_BACKEND, type ChannelBackend, type ChannelSpec, type Problem } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { z } from 'zod';
import { CAPABILITIES, parseLocation } from './location.js';
import { Store } from './store.js';
import { FilesTransport } from './transport.js';

const Options = z.strictObject({
  /** A segment that has so many bytes is the last of its partition no more: it is appended to no longer, and deleted once it was read. */
  segmentBytes: z.int().positive().default(16 * 1024 * 1024),
});

/** Channels in append-only files, at locations `files:folder[?channel=name]`, for pipelines that run in one thread. */
export const filesBackend: ChannelBackend = {
  schemes: ['files'],

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

  options: Options,

  async connect(location, options) {
    const { segmentBytes } = Options.parse(options ?? {});
    return new FilesTransport(await Store.enter(parseLocation(location).folder, segmentBytes));
  },
};

/** The backend as a module of a container, for `backends` of `orchestrate`. */
export const filesModule = new ContainerModule(({ bind }) => {
  bind(CHANNEL_BACKEND).toConstantValue(filesBackend);
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
