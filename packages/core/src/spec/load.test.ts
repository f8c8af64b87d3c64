import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryBackend } from '../memory/index.js';
import { formatProblem, MillraceError } from '../error/index.js';
import { loadPipeline, SpecError, type LoadPipelineOptions } from './index.js';

const hello = new URL('fixtures/hello.yaml', import.meta.url);
const greetings = new URL('fixtures/greetings.ts', import.meta.url);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace spec '));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(text: string, name = 'pipeline.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, text.replaceAll('GREETINGS', fileURLToPath(greetings)));
  return file;
}

/** The message of the error that loading fails with, the folder left out. */
async function failure(text: string, options?: LoadPipelineOptions, name?: string): Promise<string> {
  const error: unknown = await loadPipeline(write(text, name), options).then(() => undefined, (thrown: unknown) => thrown);
  expect(MillraceError.is(error)).toBe(true);
  return (error as MillraceError).message.replaceAll(`${folder}/`, '').replaceAll(fileURLToPath(greetings), 'GREETINGS');
}

describe('a pipeline from a file', () => {
  it('has its operators, connections, options and location', async () => {
    const { pipeline, location, spec } = await loadPipeline(hello);
    expect(location).toBe(`local:${fileURLToPath(new URL('fixtures/data', import.meta.url))}`);
    expect(spec.operators['writer']?.parameters).toEqual({ recordCount: 30 });
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend] });
    expect(plan.problems.map(formatProblem)).toEqual([]);
    expect(plan.operators.map(({ name, replicas, parameters }) => ({ name, replicas, parameters }))).toEqual([
      { name: 'writer', replicas: 1, parameters: { recordCount: 30, polite: false, prefix: 'hello' } },
      { name: 'reader', replicas: 3, parameters: { prefix: '' } },
    ]);
    expect(plan.channels.map(({ name, partitions, writers }) => ({ name, partitions, writers: writers.length }))).toEqual([{ name: 'hello.reader.greetings', partitions: 4, writers: 1 }]);
  });

  it('is read from a path with blanks, as JSON, with Windows line ends', async () => {
    const json = { millrace: 1, pipeline: 'p', operators: { writer: { class: 'GREETINGS#Writer', parameters: { recordCount: 1 } } } };
    const { pipeline } = await loadPipeline(write(JSON.stringify(json, undefined, 2).replaceAll('\n', '\r\n'), 'a pipeline.json'));
    expect([...pipeline.definition().names.values()]).toEqual(['writer']);
  });
});

const all = `\
millrace: 1
pipeline: 7up
locatoin: 'memory:'
parameters: { '>prefix': hi, region: eu, '>>key': x, '>preffix': hi }
defaults: { replicas: many, ports: { onError: ignore } }
operators:
  writer:
    class: GREETINGS#Writer
    parameters: { recordCount: -1, polit: true, key: "\${UNSET_KEY}", nested: { deep: [1, two] } }
    replica: 2
    ports:
      greetings: { connect: reader.copies, partitioner: random }
  reader:
    class: GREETINGS#Reeder
  second:
    class: GREETINGS#Reader
    ports:
      greetings: { connect: [writer.greeting, writter.greetings, second.greetings, writer] , backend: "\${}" }
      greeting: {}
  third: { class: ./nowhere.js#Reader }
  fourth: { class: Reader }
  fifth: { class: GREETINGS#Plain }
  sixth: { class: '@acme/nowhere#Reader' }
  se.venth: { class: GREETINGS#Reader }
  eighth: { class: ./throws.mjs#Reader, delivery: twice }
`;

describe('what is wrong', () => {
  it('is told all at once, with its line', async () => {
    write('const services = undefined; services.start();', 'throws.mjs');
    expect(await failure(all)).toMatchSnapshot();
  });

  it('names the error of a module that throws while it loads as its cause', async () => {
    write('throw new RangeError("no luck");', 'unlucky.mjs');
    const error: unknown = await loadPipeline(write('millrace: 1\npipeline: p\noperators: { a: { class: "./unlucky.mjs#A" } }')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SpecError);
    expect((error as SpecError).cause).toEqual(new RangeError('no luck'));
    expect((error as SpecError).problems).toMatchObject([{ code: 'MILLRACE_CLASS_NOT_FOUND', where: 'operators.a.class', place: { line: 3, column: 26 } }]);
  });

  it('ends at a later version, of which nothing else is said', async () => {
    expect(await failure('millrace: 2\r\nflow: p\r\n')).toBe(`\
MILLRACE_SPEC_VERSION: pipeline.yaml describes no pipeline that can start, 1 problem:
  pipeline.yaml:1:11 millrace: the spec is of version 2, and this release reads version 1; update millrace, or write the spec in the older grammar [MILLRACE_SPEC_VERSION]
    1 | millrace: 2
      |           ^`);
  });

  it.each([
    ['location: memory:\n', 'put a text that has a colon in quotes'],
    ['a: 1\na: 2\n', '2:1 yaml: Map keys must be unique'],
    ['a: [1\r\nb: }', '2:4 yaml: '],
    ['a: 1\n---\nb: 2', 'Source contains multiple documents'],
    ['a: !secret x', 'Unresolved tag: !secret'],
    ['a: 12345678901234567890', 'more than a number can hold'],
    ['a: &a [*a]', 'write out what the anchors stand for'],
    ['{"millrace": 1,}x', '1:17 yaml: '],
    ['', 'the spec is null'],
    ['- a', 'not a mapping with the keys millrace, pipeline and operators'],
    ['millrace: 1\noperators: {}', '1:1 pipeline: pipeline is missing'],
  ])('%j is told', async (text, what) => {
    expect(await failure(text)).toContain(what);
  });

  it('is a file that is not there', async () => {
    await expect(loadPipeline(join(folder, 'none.yaml'))).rejects.toMatchObject({ code: 'MILLRACE_SPEC_INVALID', message: expect.stringContaining('cannot be read') as string });
  });
});
