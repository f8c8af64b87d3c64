import { expect, it } from 'vitest';
import { BatchBuilder, decodeRecordSet, reseal } from './index.js';
import { outgoing } from './fixtures.js';

const NOBODY = { producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false };
const PLACE = { topic: 't', partition: 0, from: 0, framing: 'none', isolation: 'read_committed' } as const;

const text = (value: string) => Buffer.from(value);

it('gives back what it took', () => {
  const builder = new BatchBuilder(1 << 20);
  const batch = outgoing([{ value: text('one') }, { value: undefined }, { value: text('') }, { value: text('x'.repeat(500)) }], 1000);
  expect(builder.append(batch, 0, undefined)).toBe(4);
  const { batches, next } = decodeRecordSet(builder.seal(NOBODY), PLACE);
  expect(next).toBe(4);
  expect(batches).toHaveLength(1);
  const [read] = batches;
  expect(read).toMatchObject({ count: 4, next: 4, schema: '' });
  expect(Array.from({ length: 4 }, (_, i) => read!.timestamp(i))).toEqual([1000, 1000, 1000, 1000]);
});

it('gives a batch another identity', () => {
  const builder = new BatchBuilder(1 << 20);
  builder.append(outgoing([{ value: text('one') }], 1000), 0, undefined);
  const sealed = builder.seal({ producerId: 5, producerEpoch: 1, baseSequence: 10, transactional: true });
  const before = Buffer.from(sealed);
  reseal(sealed, { producerId: 6, producerEpoch: 2, baseSequence: 0 });
  expect(Buffer.from(sealed).equals(before)).toBe(false);
  expect(decodeRecordSet(sealed, PLACE).next).toBe(1);
});
