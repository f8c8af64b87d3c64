import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerChannelConformance } from '@millrace/testing';
import { describe, it } from 'vitest';
import { filesBackend } from './index.js';

describe.each([['segments of their usual size', undefined], ['segments of a batch or two', { segmentBytes: 1000 }]])('%s', (_, connectOptions) => {
  registerChannelConformance({ describe, it }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backend-files-'));
    return {
      backend: filesBackend,
      location: `files:${folder}`,
      connectOptions,
      // Every connection is closed: what is opened next comes from the files.
      restart: async () => undefined,
      cleanup: () => rm(folder, { recursive: true }),
    };
  }, { title: 'files', capabilities: filesBackend.capabilities('files:.'), restart: true });
});
