import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

/** Modules that are loaded by a process which imports one file. */
function loadedBy(file: string): string {
  const code = `
    await import(${JSON.stringify(new URL(file, import.meta.url).href)});
    const { createRequire } = await import('node:module');
    process.stdout.write(Object.keys(createRequire(import.meta.url).cache).join('\\n'));
  `;
  return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { encoding: 'utf8', cwd: fileURLToPath(new URL('../../../', import.meta.url)) });
}

// What these are is CommonJS, all of it.
it('importing millrace loads neither pino, nor prom-client, nor commander', () => {
  expect(loadedBy('./index.ts')).not.toMatch(/node_modules\/(?:pino|prom-client|commander)\//);
  expect(loadedBy('./metrics/index.ts')).toMatch(/node_modules\/prom-client\//);
}, 60_000);
