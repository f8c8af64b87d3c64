import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryBackend } from '../memory/index.js';
import { formatProblem, MillraceError } from '../error/index.js';
import { loadPipeline, type LoadPipelineOptions } from './index.js';

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
});
