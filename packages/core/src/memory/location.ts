import type { Capabilities } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';

/** Records that a channel of records by reference holds before its writers wait. */
export const DEFAULT_RECORDS = 4096;
/** Bytes that a channel of encoded records (`?wire`) holds before its writers wait. */
export const DEFAULT_BYTES = 8 * 1024 * 1024;

/** How much unread data a channel takes before its writers wait. The channel keeps the bound of the transport that made it. */
export interface Bound {
  /** Records; Infinity: not bounded by their number. */
  readonly records: number;
  /** Bytes of values, keys and headers, and 16 for each record; Infinity: not bounded by size. */
  readonly bytes: number;
}

/** A location of the memory backend, taken apart: `memory:[space][/channel][?wire&records=N&bytes=N]`. */
export interface MemoryLocation {
  /** The store, shared by all connections of this process that name it. May be empty. */
  readonly space: string;
  readonly channel: string | undefined;
  /** Records travel encoded, as on a backend with a wire, instead of by reference. */
  readonly wire: boolean;
  readonly bound: Bound;
  /** One spelling of it, without the channel. */
  readonly canonical: string;
}

/**
 * Parses a location of the memory backend.
 *
 * Query keys: `wire` encodes every record; `records=N` bounds a channel by records (default 4,096; with `wire`, none);
 * `bytes=N`, only with `wire`, bounds it by bytes (default 8 MiB).
 * @throws MillraceError `MILLRACE_LOCATION_INVALID`, naming what is wrong.
 */
export function parseMemoryLocation(location: string): MemoryLocation {
  const match = /^memory:([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(location);
  if (match === null) throw invalid(location, 'it does not begin with memory:');
  const [, space = '', channel, query = ''] = match;
  if (!/^[\w.-]*$/.test(space)) throw invalid(location, `the space ${JSON.stringify(space)} may have letters, digits, "_", "-" and "." only`);
  if (channel !== undefined && (channel === '' || channel.startsWith('/'))) {
    throw invalid(location, 'the channel after "/" has no name; a space is written memory:space, a channel memory:space/channel');
  }
  const keys = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (key !== 'wire' && key !== 'records' && key !== 'bytes') throw invalid(location, `the query key ${JSON.stringify(key)} is unknown; known are wire, records and bytes`);
    if (keys.has(key)) throw invalid(location, `the query key ${key} stands twice`);
    keys.set(key, value);
  }
  const wire = flag(location, 'wire', keys.get('wire'));
  if (!wire && keys.has('bytes')) throw invalid(location, 'bytes=N needs wire: records by reference have no size');
  const records = amount(location, 'records', keys.get('records'));
  const bytes = amount(location, 'bytes', keys.get('bytes'));
  const parts = [
    ...(bytes === undefined ? [] : [`bytes=${bytes}`]),
    ...(records === undefined ? [] : [`records=${records}`]),
    ...(wire ? ['wire'] : []),
  ];
  return {
    space,
    channel,
    wire,
    bound: { records: records ?? (wire ? Infinity : DEFAULT_RECORDS), bytes: wire ? (bytes ?? DEFAULT_BYTES) : Infinity },
    canonical: `memory:${space}${parts.length === 0 ? '' : `?${parts.join('&')}`}`,
  };
}

/** What the memory backend can do at a location. */
export function capabilitiesOf({ wire }: MemoryLocation): Capabilities {
  return { reach: 'thread', durable: false, transactions: true, replay: true, compaction: true, objects: !wire, bounded: true };
}

function flag(location: string, key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === '' || value === 'true') return true;
  throw invalid(location, `${key} is a flag (${key}, ${key}=true or ${key}=false), not ${JSON.stringify(value)}`);
}

function amount(location: string, key: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number > 0 && Number.isSafeInteger(number)) return number;
  throw invalid(location, `${key} is a positive integer, not ${JSON.stringify(value)}`);
}

function invalid(location: string, why: string): MillraceError {
  return new MillraceError('MILLRACE_LOCATION_INVALID', `${JSON.stringify(location)} is no location of the memory backend: ${why}`);
}
