import { dropMemorySpace, memoryBackend } from '@millrace/core';
import { describe, it } from 'vitest';
import { registerChannelConformance, type ConformanceTarget } from './index.js';

let spaces = 0;

/** A space of its own for each case. */
function target(query: string): ConformanceTarget {
  const space = `conformance-${++spaces}`;
  return { backend: memoryBackend, location: `memory:${space}${query}`, cleanup: async () => void dropMemorySpace(space) };
}

for (const [title, query, payload] of [
  ['memory, by reference', '', 'objects'],
  ['memory, encoded values beside references', '', 'bytes'],
  ['memory with wire', '?wire&bytes=65536', 'bytes'],
] as const) {
  registerChannelConformance({ describe, it }, () => target(query), { title, payload, capabilities: memoryBackend.capabilities(`memory:${query}`) });
}
