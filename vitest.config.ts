import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { ClosingLineReporter } from './.ci/reporter.js';

interface RootTsconfig {
  readonly compilerOptions: { readonly paths: Readonly<Record<string, readonly [string]>> };
}

// One list of the packages' sources serves the type check and the tests, so neither needs a build first.
const { compilerOptions } = JSON.parse(readFileSync(new URL('tsconfig.json', import.meta.url), 'utf8')) as RootTsconfig;

const folders = (suffix: string): string[] => [`packages/*/src/**/*.${suffix}`, `examples/**/*.${suffix}`, `docs/**/*.${suffix}`];

export default defineConfig(({ mode }) => {
  const full = mode === 'full';
  const suffix = full ? 'full.test.ts' : 'test.ts';
  const exclude = full ? [...configDefaults.exclude, '**/dist/**'] : [...configDefaults.exclude, '**/dist/**', '**/*.full.test.ts'];
  return {
    resolve: {
      alias: Object.entries(compilerOptions.paths).map(([name, [source]]) => ({
        find: new RegExp(`^${name}$`),
        replacement: fileURLToPath(new URL(source, import.meta.url)),
      })),
    },
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: 'plain',
            include: folders(suffix),
            exclude: [...exclude, `**/*.kafka.${suffix}`],
            // Two busy cores stretch a test of one second to several; what is still running after this is stuck.
            testTimeout: full ? 600_000 : 20_000,
            hookTimeout: 20_000,
            // Many files mostly wait for processes that they started.
            maxWorkers: Math.ceil(1.5 * availableParallelism()),
          },
        },
        {
          extends: true,
          test: {
            name: 'kafka',
            include: folders(`kafka.${suffix}`),
            exclude,
            globalSetup: '.ci/kafka/setup.ts',
            testTimeout: full ? 600_000 : 60_000,
            hookTimeout: 60_000,
            // A file may run three brokers, which two cores just carry; others beside it would only make all of them wait.
            maxWorkers: 1,
            sequence: { groupOrder: 1 },
          },
        },
      ],
      passWithNoTests: full,
      restoreMocks: true,
      unstubEnvs: true,
      reporters: ['default', new ClosingLineReporter()],
      coverage: { include: ['packages/*/src/**/*.ts'], exclude: ['**/*.test.ts', '**/*.test-d.ts'] },
    },
  };
});
