import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMillrace, GeneratedProject, scratch, WITH_TOOLS } from './fixtures.js';

const { path, remove } = scratch();
let project: GeneratedProject;

beforeAll(async () => {
  const { code, err } = await createMillrace(['my backend', '--template', 'backend', '--name', '@acme/tape-io', '--yes'], path);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  project = new GeneratedProject(join(path, 'my backend'));
}, WITH_TOOLS);
afterAll(remove);

it('has a scheme made of its name', () => {
  expect(readFileSync(join(project.folder, 'src/backend.ts'), 'utf8')).toContain("schemes: ['tapeio']");
});

it('compiles strictly', { timeout: WITH_TOOLS }, () => {
  expect(project.typecheck()).toEqual([]);
});

it('passes the conformance suite, and carries a pipeline', { timeout: WITH_TOOLS }, async () => {
  const { code, out, err } = await project.test();
  expect(code, out + err).toBe(0);
  expect(Number(/Tests +(\d+) passed/.exec(out)?.[1])).toBeGreaterThan(70);
  expect(out).toMatch(/Test Files +2 passed \(2\)/);
});

it('carries the pipeline of the other template', { timeout: WITH_TOOLS }, async () => {
  await createMillrace(['my app', '--template', 'app'], path);
  const app = new GeneratedProject(join(path, 'my app'));
  const { code, out, err } = await app.millrace('run', 'pipeline.yaml', '--location', 'tapeio:temperatures', '--backend', join(project.folder, 'src/index.ts'));
  expect(code, err).toBe(0);
  for (const sensor of [0, 1, 2]) expect(out).toMatch(new RegExp(`^sensor-${sensor} .* over 1000 readings$`, 'm'));
});
