import { expect, it } from 'vitest';
import { packedSources } from './tarballs.js';

// What a test needs besides it is compiled with the rest unless it is left out, and then imports what users do not have.
it('packages take no sources along that are for tests', { timeout: 60_000 }, async () => {
  const sources = await packedSources();
  expect([...sources.keys()].sort()).toEqual(['@millrace/core', '@millrace/kafka-io', '@millrace/local-io', '@millrace/orchestrator', '@millrace/testing', 'create-millrace', 'millrace']);
  expect([...sources.values()].flat().filter((path) => /\.test\b|\.test-d\b|fixtures|__snapshots__/.test(path))).toEqual([]);
  expect(sources.get('millrace')).toContain('src/index.ts');
});
