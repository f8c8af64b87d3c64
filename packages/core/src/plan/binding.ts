import { jsonFormOf, type Codec } from '../codec/index.js';
import { STAND_IN } from './codecs.js';
import { suggest } from './nearest.js';
import { credentialsIn, splitQuery, withoutCredentials } from './locations.js';
import type { ExternalBinding, ExternalFormat } from './plan.js';
import { reasonOf, shown, type ProblemList } from './problem-list.js';

const KEYS = ['group', 'start', 'until', 'format', 'registry'] as const;
const FORMATS: readonly ExternalFormat[] = ['avro', 'avro-bare', 'confluent', 'json', 'text', 'bytes'];

/** The location of an external binding with its binding keys taken out. */
export interface SplitBinding {
  /** What is left for the backend. */
  readonly location: string;
  readonly binding: ExternalBinding;
  /** Binding keys that stood there. */
  readonly keys: readonly string[];
}

/**
 * Takes the binding keys (`group`, `start`, `until`, `format`, `registry`) out of a location's query. Everything else of the
 * query stays as it was spelt. Values that are wrong are reported and count as not given.
 */
export function splitBinding(location: string, where: string, problems: ProblemList): SplitBinding {
  const [path, query] = splitQuery(location);
  const found = new Map<string, string>();
  const rest: string[] = [];
  for (const pair of query === undefined ? [] : query.split('&')) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1));
    if (!(KEYS as readonly string[]).includes(key)) rest.push(pair);
    else if (found.has(key)) problems.error('MILLRACE_LOCATION_INVALID', where, `the key ${key} stands twice`, 'keep one of them');
    else found.set(key, value);
  }
  const left = rest.filter((pair) => pair !== '');
  return {
    location: left.length === 0 ? path : `${path}?${left.join('&')}`,
    keys: [...found.keys()],
    binding: {
      group: found.get('group') === '' ? undefined : found.get('group'),
      start: readStart(found.get('start'), where, problems),
      untilEnd: readUntil(found.get('until'), where, problems),
      format: readFormat(found.get('format'), where, problems),
      registry: readRegistry(found.get('registry'), where, problems),
    },
  };
}

/** What a binding needs beyond the form of its values: a group to read with, nothing of reading to write with, a fitting format. */
export function checkBinding({ binding, keys }: SplitBinding, direction: 'from' | 'to', codec: Codec<unknown>, where: string, problems: ProblemList): void {
  if (direction === 'from' && binding.group === undefined) {
    problems.error('MILLRACE_GROUP_MISSING', where, 'the external input names no group', 'add group=… to the location: under it the positions are kept, and a group of your own takes no records from others');
  }
  if (direction === 'to') {
    for (const key of keys) if (key === 'group' || key === 'start' || key === 'until') problems.error('MILLRACE_LOCATION_INVALID', where, `${key} belongs to from(), and this is an output`, `remove ${key} from the location`);
  }
  const { format, registry } = binding;
  if (format === 'confluent' && registry === undefined) problems.error('MILLRACE_LOCATION_INVALID', where, 'format=confluent needs a schema registry', 'add registry=https://… to the location');
  if (registry !== undefined && format !== 'confluent') problems.error('MILLRACE_LOCATION_INVALID', where, 'registry is for format=confluent only', 'add format=confluent, or remove registry');
  if (format !== undefined && codec !== STAND_IN && !formatsOf(codec).includes(format)) {
    problems.error('MILLRACE_OPTION_INVALID', where, `format=${format} cannot carry the records of this port, whose codec is ${codec.format}`, `the formats for it are ${formatsOf(codec).join(', ')}; or declare the port with another codec`);
  } else if (format === 'json' && codec.format === 'avro') checkJson(codec, where, problems);
}

/** JSON carries less than Avro: no dates, bigints and bytes. */
function checkJson(codec: Codec<unknown>, where: string, problems: ProblemList): void {
  try {
    jsonFormOf(codec);
  } catch (thrown) {
    problems.error('MILLRACE_SCHEMA_UNMAPPABLE', where, `format=json cannot carry the records of this port: ${reasonOf(thrown)}`, 'choose another format');
  }
}

/** Formats that can carry what a codec describes. Text and bytes have no members, so nothing but themselves fits them. */
function formatsOf(codec: Codec<unknown>): readonly ExternalFormat[] {
  if (codec.format === 'avro') return ['avro', 'avro-bare', 'confluent', 'json'];
  return FORMATS.filter((format) => format === codec.format);
}

/** Percent signs undone; `+` stays, since the offset of an ISO time has one. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readStart(value: string | undefined, where: string, problems: ProblemList): ExternalBinding['start'] {
  if (value === undefined) return 'earliest';
  if (value === 'earliest' || value === 'latest') return value;
  const time = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(value) ? Date.parse(value) : NaN;
  if (!Number.isNaN(time)) return time;
  problems.error('MILLRACE_LOCATION_INVALID', where, `start is ${shown(value)}`, 'write start=earliest, start=latest or an ISO time such as start=2026-03-01T00:00:00Z');
  return 'earliest';
}

function readUntil(value: string | undefined, where: string, problems: ProblemList): boolean {
  if (value !== undefined && value !== 'end') problems.error('MILLRACE_LOCATION_INVALID', where, `until is ${shown(value)}`, 'write until=end, or leave it out to read on for ever');
  return value === 'end';
}

function readFormat(value: string | undefined, where: string, problems: ProblemList): ExternalFormat | undefined {
  if (value === undefined) return undefined;
  const format = FORMATS.find((known) => known === value);
  if (format === undefined) problems.error('MILLRACE_LOCATION_INVALID', where, `format is ${shown(value)}`, suggest(value, FORMATS, 'formats'));
  return format;
}

function readRegistry(value: string | undefined, where: string, problems: ProblemList): string | undefined {
  if (value === undefined) return undefined;
  const credentials = credentialsIn(value);
  if (credentials !== undefined) problems.error('MILLRACE_LOCATION_INVALID', where, `the registry holds credentials (${credentials})`, 'give them by environment variables or backend options, where no log, plan or file shows them');
  else if (/^https?:\/\/[^/]/.test(value) && URL.canParse(value)) return value;
  else problems.error('MILLRACE_LOCATION_INVALID', where, `registry is ${shown(value)}`, 'write the address of a schema registry, such as registry=https://registry:8081');
  return withoutCredentials(value);
}
