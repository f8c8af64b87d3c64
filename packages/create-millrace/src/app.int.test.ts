import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createMillrace, GeneratedProject, scratch, WITH_TOOLS } from './fixtures.js';

const { path, remove } = scratch();
let project: GeneratedProject;

beforeAll(async () => {
  const { code, err } = await createMillrace(['my app', '--template', 'app'], path);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  project = new GeneratedProject(join(path, 'my app'));
}, WITH_TOOLS);
afterAll(remove);

it('is named after its folder, and has its dot files', () => {
  expect((JSON.parse(readFileSync(join(project.folder, 'package.json'), 'utf8')) as { name: string }).name).toBe('my-app');
  expect(['.gitignore', '.dockerignore', 'Dockerfile', '_gitignore'].map((file) => existsSync(join(project.folder, file)))).toEqual([true, true, true, false]);
});

it('compiles strictly', { timeout: WITH_TOOLS }, () => {
  expect(project.typecheck()).toEqual([]);
});

it('passes its tests', { timeout: WITH_TOOLS }, async () => {
  const { code, out, err } = await project.test();
  expect(code, out + err).toBe(0);
  expect(out).toMatch(/Tests +2 passed \(2\)/);
});

it('runs its pipeline in code', { timeout: WITH_TOOLS }, async () => {
  const { code, out, err } = await project.run('src/main.ts');
  expect(code, err).toBe(0);
  expect(lastOf(out)).toEqual(['sensor-0 100', 'sensor-1 100', 'sensor-2 100']);
});

it('runs its pipeline in YAML, on channels in its folder', { timeout: WITH_TOOLS }, async () => {
  const { code, out, err } = await project.millrace('run', 'pipeline.yaml');
  expect(code, err).toBe(0);
  expect(lastOf(out)).toEqual(['sensor-0 1000', 'sensor-1 1000', 'sensor-2 1000']);
  expect(existsSync(join(project.folder, 'data'))).toBe(true);
});

/** Each sensor with the readings of its latest mean. */
function lastOf(out: string): readonly string[] {
  const latest = new Map(out.trim().split('\n').map((line) => /^(\S+) .* over (\d+) readings$/.exec(line)).map((match) => [match?.[1], match?.[2]]));
  return [...latest].map(([sensor, readings]) => `${sensor} ${readings}`).sort();
}
