import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { MillraceError } from './index.js';

it('has the members of its place that are known, and no others', () => {
  const error = new MillraceError('MILLRACE_UNDECODABLE', 'no', { channel: 'p.reader.orders', partition: 0, offset: undefined, port: undefined });
  expect(Object.keys(error).sort()).toEqual(['channel', 'code', 'name', 'partition', 'retriable']);
  expect([error.channel, error.partition, error.offset, error.operator]).toEqual(['p.reader.orders', 0, undefined, undefined]);
  expect('cause' in error).toBe(false);
});

it('shows nothing undefined where Node prints it', () => {
  const text = inspect(new MillraceError('MILLRACE_FENCED', 'taken over', { operator: 'p.reader#1', cause: new Error('why') }));
  expect(text).toMatch(/^MillraceError: MILLRACE_FENCED: taken over\n\s+at /);
  expect(text).toContain("operator: 'p.reader#1'");
  expect(text).toContain('[cause]: Error: why');
  expect(text).not.toContain('undefined');
});
