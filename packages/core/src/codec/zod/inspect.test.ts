import { expect, it } from 'vitest';
import { z } from 'zod';
import { mayTransform } from './inspect.js';

const codec = z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: (value) => value.toISOString() });
const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

it.each([
  ['a scalar', z.int().min(3)],
  ['members and items', z.object({ a: z.array(z.enum(['x'])), b: z.record(z.string(), z.boolean().nullable()), c: z.literal(1).optional() })],
  ['a default', z.object({ n: z.number().default(1) })],
  ['a schema that contains itself', Tree],
])('%s is encoded as it is', (_, schema) => {
  expect(mayTransform(schema)).toBe(false);
});

it.each([
  ['a codec', codec],
  ['a codec of a member', z.object({ a: z.object({ at: codec }) })],
  ['a codec of items', z.array(codec)],
  ['a codec of values', z.record(z.string(), codec)],
  ['a codec of other members', z.object({}).catchall(codec)],
  ['a codec under wrappers', codec.nullable().optional()],
  ['a transform', z.string().transform(Number)],
  ['a kind that is not looked into', z.union([z.string(), z.number()])],
])('%s may look otherwise when it is encoded', (_, schema) => {
  expect(mayTransform(schema)).toBe(true);
});
