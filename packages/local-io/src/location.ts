import { resolve } from 'node:path';
import { MillraceError, type Capabilities } from '@millrace/core';

/** A location of the local backend, taken apart: `local:path[?channel=name&sync=full|none]`. */
export interface LocalLocation {
  /** The folder, absolute. */
  readonly path: string;
  readonly channel: string | undefined;
  /** Whether a commit is on the disk before it is acknowledged. */
  readonly sync: 'full' | 'none';
  /** One spelling of it, without the channel. */
  readonly canonical: string;
}

/**
 * Parses a location of the local backend.
 *
 * The path is a folder, taken against the working folder; a path cannot have a `?`. Query keys: `channel=name` names a channel
 * that somebody else made, since a path and a channel cannot be told apart by sight; `sync=none` acknowledges commits before
 * they are on the disk (default `full`).
 * @throws MillraceError `MILLRACE_LOCATION_INVALID`, naming what is wrong.
 */
export function parseLocalLocation(location: string): LocalLocation {
  const match = /^local:([^?]*)(?:\?(.*))?$/s.exec(location);
  if (match === null) throw invalid(location, 'it does not begin with local:');
  const [, folder = '', query = ''] = match;
  if (folder.trim() === '') throw invalid(location, 'it names no folder; the working folder is local:.');
  if (folder.startsWith('//') || folder.includes('\0')) throw invalid(location, 'after local: comes the path of a folder, as in local:./data or local:/var/lib/data');
  const keys = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (key !== 'channel' && key !== 'sync') throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; known are channel and sync`);
    if (keys.has(key)) throw invalid(location, `the query key ${key} stands twice`);
    keys.set(key, value);
  }
  const channel = keys.get('channel');
  if (channel === '') throw invalid(location, 'channel= names no channel');
  const sync = keys.get('sync') ?? 'full';
  if (sync !== 'full' && sync !== 'none') throw invalid(location, `sync is full or none, not ${JSON.stringify(sync)}`);
  const path = resolve(folder);
  return { path, channel, sync, canonical: `local:${path}${sync === 'none' ? '?sync=none' : ''}` };
}

/** What the local backend can do, at every location. */
export const CAPABILITIES: Capabilities = { reach: 'host', durable: true, transactions: true, replay: true, compaction: true, objects: false, bounded: false };

function invalid(location: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_LOCATION_INVALID', `${JSON.stringify(location)} is no location of the local backend: ${why}`);
}
