import { dropMemorySpace, memoryBackend } from '@millrace/core';
import { describe, expect, it } from 'vitest';
import { withFaults, type FaultPlan } from '../faults/index.js';
import { registerChannelConformance, type ConformanceTarget } from './index.js';

let spaces = 0;

/** A space of its own for each case. */
function target(query: string, backend = memoryBackend): ConformanceTarget {
  const space = `conformance-${++spaces}`;
  return { backend, location: `memory:${space}${query}`, cleanup: async () => void dropMemorySpace(space) };
}

for (const [title, query, payload] of [
  ['memory, by reference', '', 'objects'],
  ['memory, encoded values beside references', '', 'bytes'],
  ['memory with wire', '?wire&bytes=65536', 'bytes'],
] as const) {
  registerChannelConformance({ describe, it }, () => target(query), { title, payload, capabilities: memoryBackend.capabilities(`memory:${query}`) });
}

// What holds for a backend that answers at once must hold for one that takes its time, and the wrapper must change nothing else.
const every = { at: 'every', action: 'delay', delay: 0 } as const;
for (const [title, plan] of [
  ['the fault wrapper without faults', {}],
  ['the fault wrapper with late commits, writes and answers', {
    faults: [{ ...every, member: 'session.commit', after: true }, { ...every, member: 'writer.writeRecords', after: true }, { ...every, member: 'transport.open' }, { ...every, member: 'control.put', after: true }],
  }],
  ['the fault wrapper with reads that give nothing now and then', { random: { seed: 1, rate: 0.3, members: ['reader.readRecords'], actions: ['delay'], delay: 1 } }],
] satisfies [string, FaultPlan][]) {
  registerChannelConformance({ describe, it }, () => target('', withFaults(memoryBackend, plan)), { title, capabilities: memoryBackend.capabilities('memory:') });
}

it('asks the runner for more time than a wait of a case takes, which says what it waited for', () => {
  const timeouts = new Set<number>();
  registerChannelConformance({ describe: (_, define) => define(), it: (_, __, timeout) => timeouts.add(timeout) }, () => target(''), { capabilities: memoryBackend.capabilities('memory:') });
  expect([...timeouts]).toEqual([60_000]);
});
