import type { Capabilities, ChannelBackend, ParsedLocation } from '../channel/spi.js';
import { nearest } from './nearest.js';
import { reasonOf, shown, type ProblemList } from './problem-list.js';

/** A location with its backend and what that can do there. */
export interface Place {
  /** In the backend's one spelling; as given where it could not be parsed. */
  readonly location: string;
  readonly channel: string | undefined;
  readonly capabilities: Capabilities;
  /** Unknown scheme or malformed location: undefined, and said. */
  readonly backend: ChannelBackend | undefined;
}

/** Taken for a location that cannot be resolved: able to do everything, so that one problem does not draw others after it. */
export const UNKNOWN: Capabilities = { reach: 'network', durable: true, transactions: true, replay: true, compaction: true, objects: false, bounded: false };

/** The backends of a plan, asked by location. */
export class Locations {
  readonly #byScheme = new Map<string, ChannelBackend>();
  readonly #schemes: ReadonlySet<string>;

  /** @param schemes that could be named too */
  constructor(backends: readonly ChannelBackend[], schemes: readonly string[], private readonly problems: ProblemList) {
    for (const backend of backends) for (const scheme of backend.schemes) this.#byScheme.set(scheme.toLowerCase(), backend);
    this.#schemes = new Set([...this.#byScheme.keys(), ...schemes]);
  }

  /** Resolves a location that has no binding keys any more. */
  resolve(location: unknown, where: string): Place {
    if (typeof location !== 'string' || location === '') return this.#invalid(String(location), where, `the location is ${shown(location)}`, `write scheme:rest, ${this.#known()}`);
    const credentials = credentialsIn(location);
    if (credentials !== undefined) return this.#invalid(withoutCredentials(location), where, `the location holds credentials (${credentials})`, 'give them by environment variables or backend options, where no log, plan or file shows them');
    const scheme = schemeOf(location);
    if (scheme === undefined) return this.#invalid(location, where, `${shown(location)} has no scheme`, `write scheme:rest, ${this.#known()}`);
    const backend = this.#byScheme.get(scheme.toLowerCase());
    if (backend === undefined) {
      const near = nearest(scheme, this.#schemes);
      this.problems.error('MILLRACE_BACKEND_UNKNOWN', where, `no backend is registered for the scheme ${scheme}`, near === undefined ? `pass its backend; ${this.#known()}` : `did you mean ${near}:? Else pass its backend; ${this.#known()}`);
      return { location, channel: undefined, capabilities: UNKNOWN, backend: undefined };
    }
    let parsed: ParsedLocation;
    let capabilities: Capabilities;
    try {
      parsed = backend.parse(location);
      capabilities = backend.capabilities(parsed.location);
    } catch (thrown) {
      return this.#invalid(location, where, reasonOf(thrown), 'correct the location');
    }
    return { location: parsed.location, channel: parsed.channel, capabilities, backend };
  }

  /** The backend of a location that was resolved. */
  backendOf(location: string): ChannelBackend | undefined {
    return this.#byScheme.get(schemeOf(location)?.toLowerCase() ?? '');
  }

  #invalid(location: string, where: string, what: string, remedy: string): Place {
    this.problems.error('MILLRACE_LOCATION_INVALID', where, what, remedy);
    return { location, channel: undefined, capabilities: UNKNOWN, backend: undefined };
  }

  #known(): string {
    return this.#schemes.size === 0 ? 'no scheme is known' : `known: ${[...this.#schemes].map((scheme) => `${scheme}:`).join(', ')}`;
  }
}

function schemeOf(location: string): string | undefined {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(location)?.[1];
}

/** What of a location is a credential, in words; `undefined` where nothing is. */
export function credentialsIn(location: string): string | undefined {
  if (/^[^:/?#]+:\/\/[^/?#]*@/.test(location)) return 'user information before @';
  const key = (splitQuery(location)[1] ?? '').split('&').map((pair) => keyOf(pair)).find((name) => CREDENTIAL_KEY.test(name));
  return key === undefined ? undefined : `the query key ${key}`;
}

/** A location that can be shown. */
export function withoutCredentials(location: string): string {
  const open = location.replace(/^([^:/?#]+:\/\/)[^/?#]*@/, '$1');
  const [path = '', query] = splitQuery(open);
  if (query === undefined) return open;
  const kept = query.split('&').map((pair) => {
    const key = keyOf(pair);
    return CREDENTIAL_KEY.test(key) ? `${key}=***` : pair;
  });
  return `${path}?${kept.join('&')}`;
}

const CREDENTIAL_KEY = /passw|secret|token|credential|user|api[-_]?key/i;

/** Path and query of a location; a query that is not there is undefined. */
export function splitQuery(location: string): readonly [path: string, query: string | undefined] {
  const mark = location.indexOf('?');
  return mark < 0 ? [location, undefined] : [location.slice(0, mark), location.slice(mark + 1)];
}

function keyOf(pair: string): string {
  return pair.split('=')[0] ?? '';
}
