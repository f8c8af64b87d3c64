import fc from 'fast-check';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Pipeline } from '../pipeline/index.js';
import { Reader, Writer } from './fixtures/greetings.js';
import { loadPipelineText } from './load.js';
import { parseSpec, stringifySpec, toSpec, type PipelineSpec } from './index.js';

const file = fileURLToPath(new URL('fixtures/none.yaml', import.meta.url));
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/).filter((text) => text !== '__proto__');
/** Texts with what means something in YAML and in templates. */
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('$', '{', '}', '(', ')', '${A}', '$$', ':', '#', '\n', '\r\n', ' ', '- ', '"', "'", 'true', '~', '1e3', '0x1', 'A'), { maxLength: 6 }).map((parts) => parts.join('')));
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, text, fc.double({ noNaN: true }), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(fc.string(), tie('any'), { maxKeys: 3 }), fc.uniqueArray(text, { maxLength: 3 }).map((items) => new Set(items))),
})).any;

const operator = fc.record({
  name,
  writer: fc.boolean(),
  parameters: fc.record({ prefix: text, nested: fc.record({ deep: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 3 }) }), recordCount: fc.integer({ min: 1 }) }, { requiredKeys: ['recordCount'] }),
  options: fc.record({ replicas: fc.integer({ min: 1, max: 9 }), delivery: fc.constantFrom('at-least-once', 'exactly-once'), restart: fc.constantFrom(false, { times: 3 }), placement: fc.constantFrom('thread', { kind: 'process', count: 2 }), tick: fc.integer({ min: 1, max: 1e6 }) }, { requiredKeys: [] }),
  input: fc.record({ partitions: fc.integer({ min: 1, max: 9 }), broadcast: fc.boolean(), onError: fc.constantFrom('skip', 'deadLetter'), backend: value }, { requiredKeys: [] }),
  output: fc.record({ partitioner: fc.constantFrom('sticky', 'round-robin'), validate: fc.constantFrom('full', false) }, { requiredKeys: [] }),
  from: fc.option(fc.constantFrom('kafka://b/t?group=$g', 'memory:a/b'), { nil: undefined }),
  to: fc.array(fc.constantFrom('kafka://b/${t}', 'memory:$(x)/y', 'memory:a/z'), { maxLength: 2 }),
});
const plan = fc.record({ name, operators: fc.uniqueArray(operator, { selector: (o) => o.name, minLength: 1, maxLength: 5 }), joints: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.boolean()), { maxLength: 6 }) });

type Given = typeof plan extends fc.Arbitrary<infer T> ? T : never;

function make({ name, operators, joints }: Given): Pipeline {
  const pipeline = new Pipeline(name);
  const writers = operators.filter(({ writer }) => writer).map((o) => pipeline.add(Writer, o.parameters, { ...o.options, name: o.name, ports: { greetings: o.output } } as never));
  const readers = operators.filter(({ writer }) => !writer).map((o) => {
    const prefix = o.parameters.prefix;
    const refs = pipeline.add(Reader, prefix === undefined ? {} : { prefix }, { ...o.options, name: o.name, ports: { greetings: o.input, copies: o.output } } as never);
    if (o.from !== undefined) refs.greetings.from(o.from);
    for (const location of o.to) refs.copies.to(location);
    return refs;
  });
  for (const [to, from, copies] of joints) {
    const reader = readers[to % Math.max(readers.length, 1)];
    if (reader === undefined) continue;
    const sources = copies ? readers.map((refs) => refs.copies) : writers.map((refs) => refs.greetings);
    const source = sources[from % Math.max(sources.length, 1)];
    if (source !== undefined) reader.greetings.connect(source);
  }
  return pipeline;
}

/** All that a pipeline holds, by names, without options that are empty. */
function contents(pipeline: Pipeline): unknown {
  const { name, names, nodes, connections, bindings } = pipeline.definition();
  const address = ({ node, port, deadLetters }: (typeof connections)[number]['from']): string => `${names.get(node) ?? ''}.${port}.${deadLetters}`;
  return {
    name,
    nodes: nodes.map((node) => {
      const { ports = {}, ...options } = node.options as { readonly ports?: Readonly<Record<string, object>> };
      return { name: names.get(node), type: node.type, parameters: node.parameters, options, ports: Object.entries(ports).filter(([, given]) => Object.keys(given).length > 0) };
    }),
    connections: connections.map(({ from, to }) => `${address(from)} > ${address(to)}`).sort(),
    bindings: bindings.map(({ at, direction, location }) => `${address(at)} ${direction} ${location}`).sort(),
  };
}

describe('a round trip', () => {
  it('of a pipeline through YAML keeps all of it', async () => {
    await fc.assert(fc.asyncProperty(plan, async (given) => {
      const pipeline = make(given);
      const text = stringifySpec(toSpec(pipeline, { file }));
      const loaded = await loadPipelineText(text, { path: file, name: 'x.yaml' });
      expect(contents(loaded.pipeline)).toEqual(contents(pipeline));
      expect(stringifySpec(toSpec(loaded.pipeline, { file }))).toBe(text);
    }));
  });

  it('of a spec through YAML and through JSON keeps all of it', () => {
    const spec = fc.record({
      millrace: fc.constant(1 as const),
      pipeline: name,
      parameters: fc.dictionary(fc.string(), value),
      operators: fc.dictionary(name, fc.record({ class: fc.constant('./a.js#B'), parameters: fc.dictionary(fc.string(), value) })),
    });
    fc.assert(fc.property(spec, (given: PipelineSpec) => {
      const read = parseSpec(stringifySpec(given));
      expect(read).toEqual(given);
    }));
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (parameters) => {
      const json = JSON.stringify({ millrace: 1, pipeline: 'p', parameters, operators: {} }, undefined, 2);
      expect(parseSpec(json)).toEqual(JSON.parse(json));
    }));
  });
});
