import { expect, it } from 'vitest';
import { deepFreeze } from './freeze.js';

it('freezes a value all the way down, also below what is frozen already', () => {
  const value = { list: [{ n: 1 }], inner: Object.freeze({ deep: { n: 2 } }) };
  expect(deepFreeze(value)).toBe(value);
  expect(() => (value.list[0]!.n = 5)).toThrow(TypeError);
  expect(() => value.list.push({ n: 3 })).toThrow(TypeError);
  expect(() => (value.inner.deep.n = 5)).toThrow(TypeError);
});

it('comes to an end where a value holds itself', () => {
  const value: { self?: unknown; n: number } = { n: 1 };
  value.self = value;
  deepFreeze(value);
  expect(Object.isFrozen(value)).toBe(true);
});

it('leaves bytes and what is no object alone', () => {
  const bytes = Uint8Array.of(1);
  expect(deepFreeze({ bytes, none: null, text: 'a' }).bytes).toBe(bytes);
  bytes[0] = 2;
  expect(bytes[0]).toBe(2);
  expect(deepFreeze(undefined)).toBeUndefined();
});
