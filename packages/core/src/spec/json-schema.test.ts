import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { specJsonSchema } from './json-schema.js';
import { parseSpec } from './index.js';

const schema = JSON.parse(JSON.stringify(specJsonSchema())) as object;
const accepts = new Ajv({ allErrors: true }).compile(schema);
const base = { millrace: 1, pipeline: 'p' };
const withOperator = (operator: object): object => ({ ...base, operators: { a: { class: './a.js#A', ...operator } } });

/** What the editor's schema says, and what the grammar says, which must agree. */
function verdict(spec: object): boolean {
  let read = true;
  try {
    parseSpec(JSON.stringify(spec));
  } catch {
    read = false;
  }
  expect(accepts(spec)).toBe(read);
  return read;
}

describe('the JSON Schema', () => {
  it('is what the package has', async () => {
    await expect(`${JSON.stringify(schema, undefined, 1)}\n`).toMatchFileSnapshot('../../spec.schema.json');
  });

  it('accepts the examples', () => {
    expect(verdict(parse(readFileSync(new URL('fixtures/hello.yaml', import.meta.url), 'utf8')) as object)).toBe(true);
  });

  it.each([
    { ...base, operators: {} },
    { ...base, $schema: 'x', location: 'memory:', services: './s.js', parameters: { '>a': 1 }, defaults: { replicas: '${N}', ports: { onError: 'skip', backend: { a: [] } } }, operators: {} },
    withOperator({ replicas: '${REPLICAS:-3}', placement: { kind: 'process', count: 2 }, restart: false, delivery: 'exactly-once' }),
    withOperator({ ports: { x: { connect: ['b.y', 'b.z.deadLetters'], onError: 'deadLetter', deadLetters: { to: 'memory:x/y' } }, y: { to: ['a:b', 'c:d'], validate: false } } }),
  ])('accepts %j', (spec) => {
    expect(verdict(spec)).toBe(true);
  });

  it.each([
    [],
    { pipeline: 'p', operators: {} },
    { millrace: 1, operators: {} },
    base,
    { ...base, millrace: '1', operators: {} },
    { ...base, pipeline: 'a b', operators: {} },
    { ...base, operators: {}, operator: {} },
    { ...base, operators: { 'a.b': { class: './a.js#A' } } },
    { ...base, operators: { a: {} } },
    withOperator({ class: './a.js' }),
    withOperator({ replicas: 0 }),
    withOperator({ replicas: '3' }),
    withOperator({ parameters: [] }),
    withOperator({ name: 'b' }),
    withOperator({ placement: 'cloud' }),
    withOperator({ ports: { x: { connect: 'b' } } }),
    withOperator({ ports: { x: { connect: [] } } }),
    withOperator({ ports: { x: { onError: 'ignore' } } }),
    withOperator({ ports: { x: { deadLetters: 'memory:a/b' } } }),
  ])('rejects %j', (spec) => {
    expect(verdict(spec)).toBe(false);
  });
});
