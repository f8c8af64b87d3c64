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
