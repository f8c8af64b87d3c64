import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, run } from './programs.js';
import type { UserProject } from './user-project.js';

/** Names of the packages, sorted, of which a program and its children ran any file: V8 counts calls by file where `NODE_V8_COVERAGE` asks it to, of ES modules and of CommonJS alike. */
export async function packagesLoaded(project: UserProject, args: readonly string[]): Promise<readonly string[]> {
  const coverage = mkdtempSync(join(project.folder, 'coverage-'));
  done(await run([process.execPath, ...args], project.folder, { NODE_V8_COVERAGE: coverage }));
  const urls = readdirSync(coverage).flatMap((file) => (JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { readonly result: readonly { readonly url: string }[] }).result.map(({ url }) => url));
  return [...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))].sort();
}
