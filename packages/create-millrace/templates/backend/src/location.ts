import { MillraceError, type Capabilities } from '@millrace/core';

/** A location, taken apart: `skeleton:place[/channel]`. */
export interface SkeletonLocation {
  readonly place: string;
  /** The channel that it names, for bindings to channels that somebody else made. */
  readonly channel: string | undefined;
  /** One spelling of it, without the channel. */
  readonly canonical: string;
}

/** @throws MillraceError `MILLRACE_LOCATION_INVALID` */
export function parseLocation(location: string): SkeletonLocation {
  const match = /^skeleton:([\w-]*)(?:\/([^/?]+))?(?:\?(.*))?$/.exec(location);
  if (match === null) throw invalid(location, 'it is not of the form skeleton:place or skeleton:place/channel');
  const [, place = '', channel, query = ''] = match;
  for (const key of new URLSearchParams(query).keys()) throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; there are none`);
  return { place, channel, canonical: `skeleton:${place}` };
}

/** What holds at every location. Claim nothing that does not: the conformance suite tests each line. */
export const CAPABILITIES: Capabilities = {
  reach: 'thread', // both ends of a channel are in one thread
  durable: false,
  transactions: true, // a commit happens at once or not at all
  replay: true,
  compaction: false,
  objects: false,
  bounded: false, // no writer waits for room
};

/** The largest record and the largest value of a state, in bytes. */
export const LIMITS = { recordBytes: 16 * 1024 * 1024, stateBytes: 1024 * 1024 };

function invalid(location: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_LOCATION_INVALID', `${JSON.stringify(location)} is no location of this backend: ${why}`);
}
