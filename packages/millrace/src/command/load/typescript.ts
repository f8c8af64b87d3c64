import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError } from '@millrace/core';
import { findTsx, hasLoader } from '@millrace/orchestrator';

const TYPESCRIPT = /\.[cm]?tsx?$/;
let isRegistered = false;

/**
 * Makes this process load TypeScript by the tsx of the project that a file belongs to, with that project's `tsconfig.json`.
 * @throws MillraceError `MILLRACE_MODULE_FAILED` where the project has none
 */
export async function readTypeScript(file: string): Promise<void> {
  if (!TYPESCRIPT.test(file) || isRegistered || hasLoader()) return;
  const tsx = findTsx([pathToFileURL(file).href]);
  if (tsx === undefined) throw new MillraceError('MILLRACE_MODULE_FAILED', `${file} is TypeScript, which needs tsx to be read: npm install --save-dev tsx, or build first and name what was built`);
  const tsconfig = configAbove(file);
  if (tsconfig !== undefined) process.env['TSX_TSCONFIG_PATH'] ??= tsconfig;
  const { register } = (await import(tsx.api)) as { readonly register: () => unknown };
  register();
  isRegistered = true;
}

function configAbove(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const config = join(folder, 'tsconfig.json');
    if (existsSync(config)) return config;
    if (folder === dirname(folder)) return undefined;
  }
}
