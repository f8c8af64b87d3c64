import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const docs = new URL('./', import.meta.url);

// The build itself refuses links between pages that lead nowhere, those of the API included.
it('the site builds, with the API, the READMEs and diagrams', async () => {
  await promisify(execFile)('npm', ['run', 'site'], { cwd: fileURLToPath(docs) });
  const page = (path: string): string => readFileSync(new URL(`dist/site/${path}.html`, docs), 'utf8');
  expect(page('index')).toContain('Millrace');
  expect(page('docs/errors')).toContain('id="millrace_plan_invalid"');
  expect(page('docs/api/millrace/functions/orchestrate')).toContain('orchestrate');
  // What only the packages themselves import of each other is marked @internal.
  const core = page('docs/api/@millrace/core/index');
  expect(core).toContain('interfaces/Transport');
  expect(core).not.toMatch(/(?:classes|interfaces)\/(?:Replica|StateStore|StatusBoard|ReplicaEnvironment)\b/);
  expect(page('packages/testing/index')).toContain('OperatorHarness');
  // A test that a page names is shown by its path, since it is no page.
  expect(page('docs/delivery-guarantees')).toContain('<span title="packages/orchestrator/src/endings.test.ts">');
  expect(existsSync(new URL('dist/site/CONTRIBUTING.html', docs))).toBe(true);
});
