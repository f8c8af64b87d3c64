import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dropMemorySpace } from 'millrace';
import { afterEach, expect, it, vi } from 'vitest';

const greetings = Array.from({ length: 30 }, (_, i) => `hello ${i}`).sort();

afterEach(() => dropMemorySpace());

it('prints every greeting once', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./main.js');
  expect(log.mock.calls.map(([line]) => line as string).sort()).toEqual(greetings);
});

it('prints every greeting once from processes of their own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-hello-'));
  try {
    const args = ['--import', 'tsx', fileURLToPath(new URL('./main.ts', import.meta.url)), '--location', `local:${folder}`, '--placement', 'process'];
    const lines = execFileSync(process.execPath, args, { encoding: 'utf8', cwd: fileURLToPath(new URL('..', import.meta.url)) }).trim().split('\n');
    expect(lines.map((line) => line.replace(/^\[hello\.reader#\d\] /, '')).sort()).toEqual(greetings);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  // Five processes load TypeScript.
}, 60_000);
