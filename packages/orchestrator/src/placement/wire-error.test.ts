import { MillraceError } from '@millrace/core';
import { expect, it } from 'vitest';
import { fromWire, toWire } from './wire-error.js';

const travelled = (error: Error): Error => fromWire(structuredClone(toWire(error)));

it('an error of Millrace comes as one, with its place, causes and stack', () => {
  const cause = Object.assign(new RangeError('deep'), { code: 'EDEEP', errno: -5 });
  const error = new MillraceError('MILLRACE_STEP_FAILED', 'it failed', { operator: 'p.a#0', port: 'in', partition: 2, offset: 7, retriable: true, cause: new Error('middle', { cause }) });
  const there = travelled(error);
  expect(MillraceError.is(there, 'MILLRACE_STEP_FAILED')).toBe(true);
  expect(there).toMatchObject({ name: 'MillraceError', message: 'MILLRACE_STEP_FAILED: it failed', operator: 'p.a#0', port: 'in', partition: 2, offset: 7, retriable: true, stack: error.stack });
  expect(there).not.toHaveProperty('channel');
  expect(there.cause).toMatchObject({ message: 'middle', cause: { name: 'RangeError', message: 'deep', code: 'EDEEP', errno: -5, stack: cause.stack } });
});

it('several errors, what is no error, and a circle of causes travel too', () => {
  const circle = new Error('round');
  circle.cause = circle;
  const there = travelled(new AggregateError([new TypeError('one'), 'two', circle], 'all')) as AggregateError;
  expect(there.message).toBe('all');
  expect(there.errors.slice(0, 2)).toEqual([expect.objectContaining({ name: 'TypeError', message: 'one' }), 'two']);
  expect((there.errors[2] as Error).cause).toMatchObject({ message: 'round' });
});

it('a code that this version does not know stays in the message', () => {
  const wire = { ...toWire(new MillraceError('MILLRACE_TIMEOUT', 'late')), code: 'MILLRACE_OF_TOMORROW' as never };
  const there = fromWire(wire);
  expect(MillraceError.is(there)).toBe(false);
  expect(there.message).toBe('MILLRACE_TIMEOUT: late');
});
