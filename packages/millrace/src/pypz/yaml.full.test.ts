import { spawn } from 'node:child_process';
import { text as textOf } from 'node:stream/consumers';
import { parsePypz, stringifyPypz, type OperatorSpec, type PipelineSpec } from '@millrace/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { findPypz, scriptOf } from './python.js';

const found = await findPypz();

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,8}$/);
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('y', 'on', '~', '017', '0o17', '1:30', '1e3', '2026-11-26', '=', '<<', 'a\tb', '\u0085', '\u007f', '$(env:NO_VARIABLE)', '- a', 'a: b', '#'),
).map((each) => each.replace(/\$\{/g, '{').replace(/\$\((?!env:NO_VARIABLE\))/g, '('));
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, text, fc.double({ noNaN: true }), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(text, tie('any'), { maxKeys: 3 }), fc.uniqueArray(text, { maxLength: 3 }).map((items) => new Set(items))),
})).any;
const parameters = fc.dictionary(fc.oneof(name, name.map((key) => `#${key}`)), value.filter((each) => each !== null), { maxKeys: 3 });
const spec = fc.record({ pipeline: name, cascading: fc.dictionary(name.map((key) => `>${key}`), value.filter((each) => each !== null), { maxKeys: 2 }), writer: parameters, reader: parameters, replicas: fc.integer({ min: 2, max: 4 }), openTimeout: fc.integer({ min: 1, max: 9e6 }), syncOpen: fc.constantFrom(true, undefined) })
  .map(({ pipeline, cascading, writer, reader, replicas, openTimeout, syncOpen }): PipelineSpec => ({
    millrace: 1, pipeline, location: 'kafka://b:9092?protocol=pypz', parameters: cascading,
    operators: {
      writer: { class: 'pypz:operators#KafkaWriter', parameters: { recordCount: 3, ...writer } },
      reader: { class: 'pypz:operators#KafkaReader', replicas, parameters: { outDir: '/tmp', ...reader }, ports: { input_port: { connect: 'writer.output_port', openTimeout, ...(syncOpen === undefined ? {} : { syncOpen }) } } },
    },
  }));

/** Without what only the code of the classes says, which stands in what pypz prints. */
function known({ operators, ...rest }: PipelineSpec): unknown {
  const OF_CODE = ['batchSize', 'delayMs', 'failAt'];
  const plain = ({ parameters: all = {}, ...operator }: OperatorSpec): unknown => ({ ...operator, parameters: Object.fromEntries(Object.entries(all).filter(([key]) => !OF_CODE.includes(key))) });
  return { ...rest, operators: Object.fromEntries(Object.entries(operators).map(([key, operator]) => [key, plain(operator)])) };
}

async function asPypzPrints(python: string, texts: readonly string[]): Promise<readonly string[]> {
  const child = spawn(python, [scriptOf('describe.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(texts));
  return JSON.parse(await textOf(child.stdout)) as readonly string[];
}

it('YAML that was written for pypz is what pypz itself makes of it', { timeout: 180_000 }, async ({ skip }) => {
  if ('missing' in found) return skip(found.missing);
  await fc.assert(fc.asyncProperty(fc.array(spec, { minLength: 50, maxLength: 50 }), async (specs) => {
    const written = specs.map((each) => stringifyPypz(each));
    const printed = await asPypzPrints(found.python, written);
    for (const [index, each] of written.entries()) expect(known(parsePypz(printed[index]!).spec)).toEqual(known(parsePypz(each).spec));
  }), { numRuns: 1, endOnFailure: true });
});
