import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './.ci/reporter.js';

interface RootTsconfig {
  readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly [string]>> };
}

// One list of the packages' sources serves the type check and the tests, so neither needs a build first.
const { compilerOptions } = JSON.parse(readFileSync(new URL('tsconfig.json', import.meta.url), 'utf8')) as RootTsconfig;

export default defineConfig(({ mode }) => {
  const suffix = mode === 'full' ? 'full.test.ts' : 'test.ts';
  return {
    resolve: {
      alias: Object.entries(compilerOptions.paths).map(([name, [source]]) => ({
        find: new RegExp(`^${name}$`),
        replacement: fileURLToPath(new URL(source, import.meta.url)),
      })),
    },
    test: {
      include: [`packages/*/src/**/*.${suffix}`, `examples/**/*.${suffix}`, `docs/**/*.${suffix}`],
      exclude: mode === 'full' ? [...configDefaults.exclude, '**/dist/**'] : [...configDefaults.exclude, '**/dist/**', '**/*.full.test.ts'],
      // Two busy cores stretch a test of one second to several; what is still running after this is stuck.
      testTimeout: mode === 'full' ? 600_000 : 20_000,
      hookTimeout: 20_000,
      passWithNoTests: mode === 'full',
      restoreMocks: true,
      unstubEnvs: true,
      reporters: ['default', new ClosingLineReporter()],
      coverage: { include: ['packages/*/src/**/*.ts'], exclude: ['**/*.test.ts', '**/*.test-d.ts'] },
    },
  };
});
