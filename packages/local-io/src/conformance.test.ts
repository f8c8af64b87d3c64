import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerChannelConformance } from '@millrace/testing';
import { describe, it } from 'vitest';
import { localBackend } from './index.js';

registerChannelConformance({ describe, it }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-local-'));
  return {
    backend: localBackend,
    location: `local:${folder}`,
    // Every connection is closed: what is opened next comes from the file.
    restart: async () => undefined,
    cleanup: () => rm(folder, { recursive: true }),
  };
}, { title: 'local', capabilities: localBackend.capabilities('local:.'), restart: true });
