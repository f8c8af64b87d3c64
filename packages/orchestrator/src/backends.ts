import { CHANNEL_BACKEND, memoryBackend, type ChannelBackend } from '@millrace/core';
import { Container, ContainerModule } from 'inversify';

/** The memory backend and those given, whether as themselves or bound in modules. A later one of the same scheme wins. */
export async function resolveBackends(given: readonly (ChannelBackend | ContainerModule)[] = []): Promise<readonly ChannelBackend[]> {
  const container = new Container();
  const backends: ChannelBackend[] = [memoryBackend];
  for (const backend of given) {
    if (backend instanceof ContainerModule) await container.loadAsync(backend);
    else backends.push(backend);
  }
  if (container.isBound(CHANNEL_BACKEND)) backends.push(...(await container.getAllAsync<ChannelBackend>(CHANNEL_BACKEND)));
  const byScheme = new Map<string, ChannelBackend>();
  for (const backend of backends) for (const scheme of backend.schemes) byScheme.set(scheme, backend);
  return [...new Set(byScheme.values())];
}
