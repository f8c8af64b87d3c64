import { expect, it } from 'vitest';
import { COMPARISONS } from './scenarios.js';

it.each(COMPARISONS)('$bench: both sides do their work and say how long it took', async ({ ours, peer }) => {
  // Not a whole number of batches. A side that loses, doubles or changes a record throws.
  for (const side of [ours, peer]) expect(await side.run(1_234)).toBeGreaterThan(0);
});
