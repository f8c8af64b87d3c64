import { compare, type Comparison } from '../harness/compare.js';
import type { Scenario } from '../harness/scenario.js';
import { asyncGenerator, avscLoop } from './peers.js';
import { pipeline } from './pipelines.js';

export const COMPARISONS: readonly Comparison[] = [
  { bench: 'memory/batch-500-unchecked', ours: pipeline('millrace', { batchSize: 500 }), peer: asyncGenerator(500), target: 0.8 },
  { bench: 'memory/batch-1-unchecked', ours: pipeline('millrace', { batchSize: 1 }), peer: asyncGenerator(1), target: 0.5 },
  { bench: 'memory/batch-500-checked', ours: pipeline('millrace', { batchSize: 500, validate: 'structure' }), peer: asyncGenerator(500), target: 0.35 },
  { bench: 'memory/wire-500', ours: pipeline('millrace', { batchSize: 500, wire: true }), peer: avscLoop(500), target: 0.8 },
  {
    bench: 'memory/exactly-once',
    ours: pipeline('millrace', { batchSize: 500, relay: true, delivery: 'exactly-once' }),
    peer: pipeline('at-least-once', { batchSize: 500, relay: true }),
    target: 0.9,
  },
];

/** What passing records within the process costs, beside the language's own means. */
export const memoryScenarios: readonly Scenario[] = COMPARISONS.map((comparison) => ({
  bench: comparison.bench,
  run: async () => [await compare(comparison)],
}));
