import { CHANNEL_BACKEND, memoryBackend, MillraceError, toError, type ChannelBackend } from '@millrace/core';
import { Container, ContainerModule } from 'inversify';

/** A backend as it is given: itself, bound to `CHANNEL_BACKEND` in a module, or the URL of a file whose default export is one of these or several. */
export type BackendSource = ChannelBackend | ContainerModule | URL;

/** Where a thread or process finds a backend: a module whose default export it is or, with a scheme, one that registers it. */
export interface BackendModule {
  readonly scheme?: string;
  readonly module: string;
}

/** A backend that is loaded when a location first names its scheme. */
interface RegisteredBackend {
  /** URL of the module that registers it. */
  readonly module: string;
  readonly load: () => Promise<ChannelBackend | ContainerModule>;
}

const KEY = Symbol.for('@millrace/backends');
const shared = globalThis as { [KEY]?: Map<string, RegisteredBackend> };
/** By scheme; shared between copies of the package. */
const registered = (shared[KEY] ??= new Map<string, RegisteredBackend>());

/**
 * Makes a backend known by its scheme, to be loaded when a location names it.
 * @param module the `import.meta.url` of the caller: threads and processes import it to have the backend registered there too
 */
export function registerBackend(scheme: string, module: string, load: () => Promise<ChannelBackend | ContainerModule>): void {
  registered.set(scheme, { module, load });
}

/** Schemes of the backends that are loaded when a location first names them. @internal */
export function registeredSchemes(): readonly string[] {
  return [...registered.keys()];
}

/**
 * The memory backend, those given, and those registered for the schemes of these locations. Of two with one scheme the later one
 * wins, and what is given wins over what is registered.
 * @throws MillraceError `MILLRACE_BACKEND_UNKNOWN` where one cannot be loaded
 * @internal
 */
export async function resolveBackends(given: readonly BackendSource[] = [], locations: readonly string[] = []): Promise<readonly ChannelBackend[]> {
  const container = new Container();
  const backends: ChannelBackend[] = [];
  const take = async (backend: ChannelBackend | ContainerModule): Promise<void> => {
    if (backend instanceof ContainerModule) await container.loadAsync(backend);
    else backends.push(backend);
  };
  for (const source of given) for (const backend of source instanceof URL ? await importBackends(source.href) : [source]) await take(backend);
  if (container.isBound(CHANNEL_BACKEND)) backends.push(...(await container.getAllAsync<ChannelBackend>(CHANNEL_BACKEND)));
  const byScheme = new Map<string, ChannelBackend>(memoryBackend.schemes.map((scheme) => [scheme, memoryBackend]));
  for (const backend of backends) for (const scheme of backend.schemes) byScheme.set(scheme, backend);
  for (const scheme of schemesOf(locations)) {
    if (byScheme.has(scheme) || !registered.has(scheme)) continue;
    const loaded = await loadRegistered(scheme);
    for (const each of loaded.schemes) byScheme.set(each, loaded);
  }
  return [...new Set(byScheme.values())];
}

/** Where a child finds the backends of these locations: those given as URLs, and those registered for their schemes. */
export function backendModules(given: readonly BackendSource[] = [], locations: readonly string[] = []): readonly BackendModule[] {
  const urls = given.filter((source) => source instanceof URL).map(({ href }): BackendModule => ({ module: href }));
  return [...urls, ...schemesOf(locations).flatMap((scheme): readonly BackendModule[] => {
    const found = registered.get(scheme);
    return found === undefined ? [] : [{ scheme, module: found.module }];
  })];
}

/** Loads in a child what {@link backendModules} names. @throws MillraceError `MILLRACE_BACKEND_UNKNOWN` */
export async function loadBackendModules(modules: readonly BackendModule[], locations: readonly string[]): Promise<readonly ChannelBackend[]> {
  // In a bundle the module that registers is the program itself, which is loaded already and does not come to its end here.
  for (const { scheme, module } of modules) if (scheme !== undefined && !registered.has(scheme)) await import(module);
  return await resolveBackends(modules.filter(({ scheme }) => scheme === undefined).map(({ module }) => new URL(module)), locations);
}

async function importBackends(href: string): Promise<readonly (ChannelBackend | ContainerModule)[]> {
  let exported: unknown;
  try {
    exported = ((await import(href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new MillraceError('MILLRACE_BACKEND_UNKNOWN', `the backends of ${href} cannot be loaded: ${toError(cause).message}`, { cause });
  }
  const all: readonly unknown[] = Array.isArray(exported) ? exported : [exported];
  if (!all.every(isBackend)) throw new MillraceError('MILLRACE_BACKEND_UNKNOWN', `${href} must export a backend, or a ContainerModule that binds some, as its default`);
  return all as readonly (ChannelBackend | ContainerModule)[];
}

function isBackend(value: unknown): boolean {
  return value instanceof ContainerModule || (typeof value === 'object' && value !== null && 'schemes' in value && 'connect' in value);
}

async function loadRegistered(scheme: string): Promise<ChannelBackend> {
  let loaded: ChannelBackend | ContainerModule;
  try {
    loaded = await registered.get(scheme)!.load();
  } catch (cause) {
    throw new MillraceError('MILLRACE_BACKEND_UNKNOWN', `the backend of ${scheme}: cannot be loaded: ${toError(cause).message}`, { cause });
  }
  if (!(loaded instanceof ContainerModule)) return loaded;
  const container = new Container();
  await container.loadAsync(loaded);
  return await container.getAsync<ChannelBackend>(CHANNEL_BACKEND);
}

/** In lower case; empty where a location has none. */
export function schemeOf(location: string): string {
  return location.slice(0, Math.max(0, location.indexOf(':'))).toLowerCase();
}

/** The backend among these that a location is for. */
export function backendOf(location: string, backends: readonly ChannelBackend[]): ChannelBackend | undefined {
  return backends.find(({ schemes }) => schemes.includes(schemeOf(location)));
}

function schemesOf(locations: readonly string[]): readonly string[] {
  return [...new Set(locations.map(schemeOf))];
}
