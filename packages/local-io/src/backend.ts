import { CHANNEL_BACKEND, type ChannelBackend, type ChannelSpec, type Problem } from '@millrace/core';
import { ContainerModule } from 'inversify';
import { z } from 'zod';
import { prepareFolder } from './folder.js';
import { NAME_BYTES } from './limits.js';
import { CAPABILITIES, parseLocalLocation } from './location.js';
import { LocalStore } from './store.js';
import { LocalTransport } from './transport.js';

const Options = z.strictObject({
  /** Address space for the map of the file at first, in bytes; it grows by itself. Default 64 GiB; less where address space is scarce. */
  mapSize: z.int().min(1024 * 1024).optional(),
});

/**
 * Durable channels in a folder, for processes of one host: an LMDB environment, no server.
 *
 * Locations are `local:path[?channel=name&sync=full|none]`. Whoever names the folder shares its channels, state and facts.
 * Commits are on the disk before they are acknowledged; with `sync=none` they are not, and a crash of the system, though not of
 * a process, may cost the whole folder. Options of `connect`: `{ mapSize }`, bytes.
 */
export const localBackend: ChannelBackend = {
  schemes: ['local'],

  parse(location) {
    const { canonical, channel } = parseLocalLocation(location);
    return { location: canonical, channel };
  },

  capabilities(location) {
    parseLocalLocation(location);
    return CAPABILITIES;
  },

  check(channels, location) {
    parseLocalLocation(location);
    return channels.flatMap((spec) => problemsOf(spec));
  },

  options: Options,
  portOptions: z.strictObject({}),

  async connect(location, options) {
    const { path, sync } = parseLocalLocation(location);
    const { mapSize } = Options.parse(options ?? {});
    const folder = await prepareFolder(path);
    return new LocalTransport(await LocalStore.acquire(folder, { sync, mapSize }), folder);
  },
};

/** Makes `local:` known to a container. */
export const localModule = new ContainerModule(({ bind }) => {
  bind(CHANNEL_BACKEND).toConstantValue(localBackend);
});

function problemsOf({ name, partitions, groups = [] }: ChannelSpec): Problem[] {
  const problems: Problem[] = [];
  for (const each of [name, ...groups]) {
    if (each !== '' && Buffer.byteLength(each) <= NAME_BYTES && !each.includes('\0')) continue;
    problems.push({ code: 'MILLRACE_NAME_INVALID', severity: 'error', where: name, what: `the name of a channel or group is empty, has a zero character, or is longer than ${NAME_BYTES} bytes`, remedy: 'name it otherwise' });
  }
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    problems.push({ code: 'MILLRACE_OPTION_INVALID', severity: 'error', where: name, what: `a channel cannot have ${partitions} partitions`, remedy: 'give it a positive number of partitions' });
  }
  return problems;
}
