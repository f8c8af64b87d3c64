import { expect, it } from 'vitest';
import { startIdle, stopIdle } from './idle.js';

it('starts replicas that have nothing to do, and stops them', async () => {
  const run = await startIdle(6);
  expect(run.plan.operators.map(({ name, replicas }) => [name, replicas])).toEqual([['source', 3], ['sink', 3]]);
  await stopIdle(run);
  expect((await run.completed).outcome).toBe('drained');
});
