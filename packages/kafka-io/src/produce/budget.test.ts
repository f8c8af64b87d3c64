import { expect, it } from 'vitest';
import { ByteBudget } from './budget.js';

it('has room up to its limit, and room again once half of it is free', async () => {
  const budget = new ByteBudget(100);
  budget.add(100);
  expect(budget.room).toBeUndefined();
  budget.add(1);
  const { room } = budget;
  let free = false;
  void room?.then(() => (free = true));
  expect(budget.room).toBe(room);
  budget.add(-50);
  await Promise.resolve();
  expect([free, budget.room]).toEqual([false, undefined]);
  budget.add(-1);
  await room;
  budget.add(51);
  expect(budget.room).not.toBe(room);
});

it('keeps builders to be used again, of no more bytes than its limit', () => {
  const budget = new ByteBudget(250);
  const builders = [100, 100, 100].map((bytes) => budget.builder(bytes));
  for (const builder of builders) budget.reuse(builder);
  expect([budget.builder(200), budget.builder(100), budget.builder(100), budget.builder(100)].map((builder) => builders.indexOf(builder))).toEqual([-1, 1, 0, -1]);
});

it('gives the memory of the builders that it keeps back at once', () => {
  const identity = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false };
  const budget = new ByteBudget(250);
  const [kept, taken] = [budget.builder(100), budget.builder(100)];
  const { buffer } = kept.seal(identity);
  budget.reuse(kept);
  budget.discard();
  budget.discard();
  expect([buffer.byteLength, taken.seal(identity).buffer.byteLength]).toEqual([0, 100]);
  expect(budget.builder(100)).not.toBe(kept);
});
