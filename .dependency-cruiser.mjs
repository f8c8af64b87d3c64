const test = '\\.(test|test-d)\\.ts$';
const aboveCore = ['orchestrator', 'testing', 'kafka-io', 'local-io'];

/** What the sources of a package may import; the tests of all but `core` may also use `testing`. */
const arrows = {
  core: [],
  ...Object.fromEntries(aboveCore.map((name) => [name, ['core']])),
  millrace: ['core', ...aboveCore],
  'create-millrace': [],
  benchmarks: ['core', ...aboveCore, 'millrace'],
};

/** What a folder of `core` may import of the rest of `core`. */
const layers = {
  error: [],
  clock: ['error'],
  logger: ['error'],
  codec: ['error'],
  'channel/spi\\.ts': ['error', 'codec'],
  channel: ['error', 'codec', 'clock', 'logger'],
  memory: ['error', 'channel'],
};

const oneOf = (names) => `(?:${names.join('|')})`;

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(arrows).flatMap(([name, allowed]) => {
      const rule = (suffix, from, targets) => ({
        name: `arrows-${name}${suffix}`,
        comment: `${name} may depend on ${targets.join(', ') || 'no other package'}.`,
        severity: 'error',
        from,
        to: { path: '^(packages|examples|docs)/', pathNot: `^packages/${oneOf([name, ...targets])}/` },
      });
      const folder = `^packages/${name}/`;
      return name === 'core'
        ? [rule('', { path: folder }, allowed)]
        : [rule('', { path: folder, pathNot: test }, allowed), rule('-tests', { path: `${folder}.*${test}` }, [...allowed, 'testing'])];
    }),
    {
      name: 'arrows-examples-and-docs',
      comment: 'An example and a guide use what users install, not each other or the benchmarks.',
      severity: 'error',
      from: { path: '^(examples/[^/]+|docs)/' },
      to: { path: '^(examples|docs|packages/benchmarks)/', pathNot: '^$1/' },
    },
    {
      name: 'by-package-name',
      comment: 'Import another package by its name: what its index does not export is not there.',
      severity: 'error',
      from: { path: '^((?:packages|examples)/[^/]+|docs)/' },
      to: { path: '^(packages|examples|docs)/', pathNot: '^$1/', dependencyTypesNot: ['aliased'] },
    },
    ...Object.entries(layers).map(([part, allowed]) => ({
      name: `core-${part.replace(/\W+/g, '-')}`,
      comment: `Of core, ${part} may use ${allowed.join(', ') || 'nothing else'}.`,
      severity: 'error',
      from: { path: `^packages/core/src/${part}`, pathNot: test },
      to: { path: '^packages/core/src/', pathNot: `^packages/core/src/${oneOf([part, ...allowed])}` },
    })),
    {
      name: 'core-definition-before-execution',
      comment: 'What describes a pipeline knows nothing of what runs it or of one backend.',
      severity: 'error',
      from: { path: '^packages/core/src/(plan|pipeline|operator|spec)/', pathNot: test },
      to: { path: '^packages/core/src/(runtime|memory)/' },
    },
    {
      name: 'no-circular',
      comment: 'Files that need each other when they load are one idea, or one of them holds what the other should.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circular-types',
      comment: 'Loads in any order, since only types go round; still worth a look.',
      severity: 'warn',
      from: {},
      to: { circular: true, via: { dependencyTypes: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'This import leads nowhere: a file is missing, or a package is not installed or does not export it.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'published-dependencies',
      comment: 'What users install must list what it imports under dependencies.',
      severity: 'error',
      from: { path: '^packages/', pathNot: [test, '/fixtures\\.ts$', '^packages/benchmarks/', '^packages/millrace/src/(external|placement|pypz|release)/'] },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^((packages|examples)/[^/]+/dist|docs/dist|packages/create-millrace/templates)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'], extensions: ['.ts', '.js', '.d.ts', '.json'] },
  },
};
