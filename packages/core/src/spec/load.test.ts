import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryBackend } from '../memory/index.js';
import { formatProblem, MillraceError } from '../error/index.js';
import { operatorRegistry } from '../operator/index.js';
import { Reader } from './fixtures/greetings.js';
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

describe('what a file says beside its operators', () => {
  it('is taken against the file', async () => {
    const { pipeline, services, defaults, location } = await loadPipeline(pathToFileURL(write(`
millrace: 1
pipeline: p
location: local:../data?sync=none
services: ./services.js
defaults: { replicas: "\${REPLICAS}", ports: { retries: 2 } }
operators:
  writer: { class: GREETINGS#Writer, parameters: { recordCount: 1 }, ports: { greetings: { to: ["local:out?channel=a", "kafka://b/c"] } } }
  reader:
    class: GREETINGS#Reader
    ports:
      greetings: { from: "local:./in?channel=x&group=g", onError: deadLetter, deadLetters: { to: "local:/letters?channel=y" } }
      copies: {}
  second: { class: GREETINGS#Reader, ports: { greetings: { connect: [writer.greetings, reader.copies] } } }
`)), { variables: { REPLICAS: '2' } });
    expect({ services: services?.href, defaults, location }).toEqual({ services: pathToFileURL(join(folder, 'services.js')).href, defaults: { replicas: 2, ports: { retries: 2 } }, location: `local:${join(folder, '../data')}?sync=none` });
    const { bindings, connections, names } = pipeline.definition();
    expect(bindings.map(({ at, direction, location }) => [names.get(at.node), at.port, at.deadLetters, direction, location.replace(folder, '.')])).toEqual([
      ['writer', 'greetings', false, 'to', 'local:./out?channel=a'],
      ['writer', 'greetings', false, 'to', 'kafka://b/c'],
      ['reader', 'greetings', false, 'from', 'local:./in?channel=x&group=g'],
      ['reader', 'greetings', true, 'to', 'local:/letters?channel=y'],
    ]);
    expect(connections.map(({ from, to }) => [names.get(from.node), from.port, names.get(to.node), to.port])).toEqual([['writer', 'greetings', 'second', 'greetings'], ['reader', 'copies', 'second', 'greetings']]);
  });

  it('may name classes of packages, as the file finds them, and by the name that they were given', async () => {
    const urls: string[] = [];
    mkdirSync(join(folder, 'node_modules/ops/lib'), { recursive: true });
    write('{ "name": "ops", "exports": { "./readers": "./lib/readers.js" } }', 'node_modules/ops/package.json');
    write('', 'node_modules/ops/lib/readers.js');
    const importModule = (url: string): Promise<unknown> => {
      urls.push(url);
      operatorRegistry.set(`${url}#Renamed`, Reader);
      return Promise.resolve({ Reader });
    };
    const { pipeline } = await loadPipeline(write('millrace: 1\npipeline: p\noperators: { a: { class: "ops/readers#Reader" }, b: { class: "ops/readers#Renamed" } }'), { importModule });
    expect(pipeline.definition().nodes.map(({ type }) => type)).toEqual([Reader, Reader]);
    const [url] = urls;
    expect(urls).toHaveLength(1);
    expect(realpathSync(fileURLToPath(url ?? ''))).toBe(realpathSync(join(folder, 'node_modules/ops/lib/readers.js')));
    operatorRegistry.delete(`${url ?? ''}#Renamed`);
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

  it('is the option that decorators need, where esbuild finds it missing', async () => {
    write('throw new Error("reader.ts:3:2: ERROR: Decorators are not valid here");', 'decorated.mjs');
    expect(await failure('millrace: 1\npipeline: p\noperators: { a: { class: "./decorated.mjs#A" } }')).toContain('Decorators are not valid here; the tsconfig.json that is used needs experimentalDecorators, and its include that file [');
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
    ['services: nowhere\n', 'services: the module nowhere cannot be found'],
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
