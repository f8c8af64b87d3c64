import { MillraceError, toError, type ChannelBackend } from '@millrace/core';
import { findTsx, resolveBackends } from '@millrace/orchestrator';
import { pathToFileURL } from 'node:url';

/** What was looked at, and what was found. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}

const OLDEST_NODE = [20, 19] as const;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  return { check: 'Node.js', status: isOld ? 'failed' : 'ok', found: version, ...(isOld ? { remedy: `install ${OLDEST_NODE.join('.')} or newer` } : {}) };
}

export function checkTypeScript(): Finding {
  const isThere = findTsx([pathToFileURL(`${process.cwd()}/`).href]) !== undefined;
  return isThere ? { check: 'TypeScript', status: 'ok', found: 'read by tsx' } : { check: 'TypeScript', status: 'warning', found: 'tsx is not installed here', remedy: 'npm install --save-dev tsx, to run TypeScript as it is' };
}

/** Backends that are known by their scheme; loading one loads what is native about it. */
export async function checkBackends(): Promise<readonly Finding[]> {
  return await Promise.all(['memory', 'local', 'kafka'].map(async (scheme): Promise<Finding> => {
    try {
      await backendOf(`${scheme}:`, []);
      return { check: `backend ${scheme}:`, status: 'ok', found: 'installed' };
    } catch (error) {
      return failed(`backend ${scheme}:`, error, 'install millrace again, for this system and version of Node.js');
    }
  }));
}

/** Log times and `start` times are the system's; durations are not. */
export function checkClock(now = Date.now()): Finding {
  const year = new Date(now).getUTCFullYear();
  const isOff = year < 2026 || year > 2100;
  return { check: 'clock', status: isOff ? 'warning' : 'ok', found: new Date(now).toISOString(), ...(isOff ? { remedy: 'set the time: records carry it, and start=<time> goes by it' } : {}) };
}

/** The backend of a location. @throws MillraceError */
export async function backendOf(location: string, backends: readonly URL[]): Promise<ChannelBackend> {
  const scheme = location.slice(0, Math.max(0, location.indexOf(':')));
  const backend = (await resolveBackends(backends, [location])).find(({ schemes }) => schemes.includes(scheme));
  if (backend === undefined) throw new MillraceError('MILLRACE_BACKEND_UNKNOWN', `no backend is registered for the scheme of ${location}`);
  return backend;
}

export function failed(check: string, thrown: unknown, remedy?: string): Finding {
  const error = toError(thrown);
  const cause = error.cause instanceof Error && !error.message.includes(error.cause.message) ? `: ${error.cause.message}` : '';
  return { check, status: 'failed', found: `${error.message}${cause}`, remedy };
}
