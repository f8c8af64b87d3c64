import { resolve } from 'node:path';
import { MillraceError, type Capabilities } from '@millrace/core';

/** A location, taken apart: `files:folder[?channel=name]`. */
export interface FilesLocation {
  /** Absolute. */
  readonly folder: string;
  /** The channel that it names, for bindings to channels that somebody else made. */
  readonly channel: string | undefined;
  /** One spelling of it, without the channel. */
  readonly canonical: string;
}

/** @throws MillraceError `MILLRACE_LOCATION_INVALID` */
export function parseLocation(location: string): FilesLocation {
  const [, folder = '', query = ''] = /^files:([^?]*)(?:\?(.*))?$/s.exec(location) ?? [];
  if (folder.trim() === '' || folder.startsWith('//') || folder.includes('\0')) throw invalid(location, 'after files: comes the path of a folder, as in files:./data');
  const keys = new URLSearchParams(query);
  for (const key of keys.keys()) if (key !== 'channel') throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; known is channel`);
  const path = resolve(folder);
  return { folder: path, channel: keys.get('channel') ?? undefined, canonical: `files:${path}` };
}

/** What holds at every location. */
export const CAPABILITIES: Capabilities = {
  reach: 'thread', // one thread has a folder to itself
  durable: true,
  transactions: true, // a line of the journal decides
  replay: true,
  compaction: false,
  objects: false,
  bounded: false,
};

/** The largest record and the largest value of a state, in bytes. States are in memory, and the journal has them in lines. */
export const LIMITS = { recordBytes: 16 * 1024 * 1024, stateBytes: 1024 * 1024 };

function invalid(location: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_LOCATION_INVALID', `${JSON.stringify(location)} is no location of this backend: ${why}`);
}
