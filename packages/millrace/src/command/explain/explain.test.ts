import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { ERROR_CODES } from '@millrace/core';
import { expect, it } from 'vitest';
import { explain } from './explain.js';

const page = readFileSync(new URL('../../../../../docs/errors.md', import.meta.url), 'utf8');

function explained(code?: string): string {
  const out = new PassThrough();
  expect(explain(code, { out, err: new PassThrough() })).toBe(0);
  return String(out.read());
}

it('says of every code what errors.md says', () => {
  const rows = [...page.matchAll(/^\| <a id="\w+"><\/a>`(MILLRACE_\w+)` \| (.+?) \| (.+) \|$/gm)].map(([, code, says, remedy = '']) => ({ code, text: `${code}: ${says}\n${remedy.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')}\n` }));
  expect(rows).toHaveLength(Object.keys(ERROR_CODES).length);
  expect(rows.map(({ code }) => ({ code, text: explained(code) }))).toEqual(rows);
});

it('takes a code in small letters and without its prefix', () => {
  expect(explained('step_failed')).toBe(explained('MILLRACE_STEP_FAILED'));
  expect(explained('millrace_step_failed')).toBe(explained('MILLRACE_STEP_FAILED'));
});

it('lists all codes where none is named', () => {
  expect(explained().trim().split('\n')).toHaveLength(Object.keys(ERROR_CODES).length);
});

it.each([
  ['MILLRACE_STEP_FALED', /there is no code MILLRACE_STEP_FALED; did you mean MILLRACE_STEP_FAILED\?$/],
  ['MILLRACE_GROUP', /did you mean MILLRACE_GROUP_MISSING, MILLRACE_GROUP_UNKNOWN, MILLRACE_GROUP_IN_USE\?$/],
  ['toString', /there is no code toString; millrace explain lists all$/],
])('%s: suggests what may be meant', (given, message) => {
  expect(() => explained(given)).toThrow(message);
});
