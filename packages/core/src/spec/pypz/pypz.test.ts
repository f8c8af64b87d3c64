import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memoryBackend } from '../../memory/index.js';
import { formatProblem } from '../../error/index.js';
import { loadPypz, parsePypz, stringifyPypz, type PipelineSpec } from '../index.js';
import { resolveText, mapTexts } from '../templates.js';

const fixture = (name: string): URL => new URL(`../fixtures/pypz/${name}`, import.meta.url);
const read = (name: string): string => readFileSync(fixture(name), 'utf8');
const greetings = fileURLToPath(new URL('../fixtures/greetings.ts', import.meta.url));
const classes = { 'greetings.Writer': `${greetings}#Writer`, 'greetings:Reader': `${greetings}#Reader` };

/** With the variables that the printed fixture was made with. */
const resolved = (spec: PipelineSpec): PipelineSpec => mapTexts(spec, (text) => resolveText(text, (name) => ({ BROKER: 'broker-1:9092', IMAGE: 'rich', COLUMN: 'b' })[name]).text) as PipelineSpec;

describe('the YAML of pypz', () => {
  it('that pypz printed becomes a spec', () => {
    const { spec, unmapped, warnings } = parsePypz(read('two-operators.yaml'), { classes });
    expect(spec).toEqual({
      millrace: 1,
      pipeline: 'hello',
      location: 'kafka://localhost:9092?protocol=pypz',
      operators: {
        writer: { class: classes['greetings.Writer'], parameters: { recordCount: 30 } },
        reader: { class: classes['greetings:Reader'], ports: { greetings: { connect: 'writer.greetings' } } },
      },
    });
    expect([unmapped.size, warnings]).toEqual([0, []]);
  });

  it('becomes a pipeline by the table of classes', async () => {
    const { pipeline, location, warnings } = await loadPypz(fixture('two-operators.yaml'), { classes });
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend] });
    expect(plan.problems.map(formatProblem)).toEqual([]);
    expect(plan.operators.map(({ name, parameters }) => [name, parameters])).toEqual([['writer', { recordCount: 30, polite: false, prefix: 'hello' }], ['reader', { prefix: '' }]]);
    expect([location, warnings]).toEqual(['kafka://localhost:9092?protocol=pypz', []]);
  });

  it('that a user wrote says what pypz makes of it', () => {
    const written = resolved(parsePypz(read('rich-input.yaml')).spec);
    const printed = parsePypz(read('rich-output.yaml')).spec;
    expect(written.pipeline).toBe(printed.pipeline);
    expect(written.location).toBe('kafka://broker-1:9092?protocol=pypz');
    expect(printed.location).toBe(written.location);
    for (const [name, operator] of Object.entries(written.operators)) {
      const other = printed.operators[name];
      expect([name, operator.class, operator.replicas]).toEqual([name, other?.class, other?.replicas]);
      // What the code of a class gives is only in what pypz printed; a round template is not resolved there.
      for (const [key, value] of Object.entries(operator.parameters ?? {})) expect([name, key, key === 'secret' ? '$(SECRET:-)' : value]).toEqual([name, key, other?.parameters?.[key]]);
      const sorted = (connect: string | readonly string[] | undefined): readonly string[] => [connect ?? []].flat().toSorted();
      for (const [port, given] of Object.entries(operator.ports ?? {})) expect({ name, port, ...given, connect: sorted(given.connect) }).toEqual({ name, port, ...other?.ports?.[port], connect: sorted(other?.ports?.[port]?.connect) });
    }
    expect(written.operators['worker-a']).toMatchObject({ class: 'pypz:rich#Worker', replicas: 3, parameters: { threshold: 1, team: 'data' }, ports: { records: { connect: 'source.records', openTimeout: 60000 } } });
    expect(written.operators['source']?.parameters?.['tags']).toEqual(new Set(['fast', 'hot']));
  });

  it('is described with stand-ins for classes that are not mapped', async () => {
    const { pipeline, warnings } = await loadPypz(fixture('rich-input.yaml'), { variables: { BROKER: 'b:9092' } });
    const plan = pipeline.plan({ location: 'memory:', backends: [memoryBackend] });
    expect(plan.problems.filter(({ severity }) => severity === 'error').map(formatProblem)).toEqual([]);
    expect(plan.operators.map(({ name, replicas, inputs, outputs }) => ({ name, replicas, inputs: inputs.map((port) => port.name), outputs: outputs.map((port) => port.name) }))).toMatchSnapshot();
    expect(warnings).toMatchSnapshot();
  });

  it('of a deployment is read', () => {
    const { spec, warnings } = parsePypz(read('kubernetes.yaml'));
    expect(Object.entries(spec.operators).map(([name, { replicas, ports }]) => [name, replicas, ports])).toMatchSnapshot();
    expect(warnings.map(formatProblem)).toMatchSnapshot();
  });

  it.each(['two-operators.yaml', 'rich-input.yaml', 'rich-output.yaml'])('of %s is written so that the same is read', (name) => {
    const { spec } = parsePypz(read(name), { classes });
    const text = stringifyPypz(spec, { classes });
    expect(parsePypz(text, { classes }).spec).toEqual({ ...spec, operators: Object.fromEntries(Object.entries(spec.operators).map(([operator, given]) => [operator, expect.objectContaining({ ...given, ...(given.ports === undefined ? {} : { ports: expect.objectContaining(given.ports) as object }) }) as unknown])) });
  });

  it('has a dollar before a template, and templates that are none', () => {
    const { spec } = parsePypz('name: p\nspec: { name: "a:B", nestedInstances: [{ name: x, spec: { name: "a:C" }, parameters: { price: "$${env:PRICE}", odd: "$$(date){y}", open: "${x" } }] }');
    expect(spec.operators['x']?.parameters).toEqual({ price: '$$${PRICE:-}', odd: '$${y}', open: '$${x' });
    expect(mapTexts(spec.operators['x']?.parameters, (text) => resolveText(text, () => '5').text)).toEqual({ price: '$5', odd: '${y}', open: '${x' });
    expect(() => stringifyPypz(spec)).toThrow('a text has ${ or $( itself');
  });

  it('warns of a variable whose name cannot stand in a template', () => {
    const { spec, warnings } = parsePypz('name: p\nspec:\n  name: "a:B"\n  nestedInstances:\n    - { name: x, spec: { name: "a:C" }, parameters: { a: "${env:MY-VAR}!" } }');
    expect(spec.operators['x']?.parameters).toEqual({ a: '!' });
    expect(warnings).toMatchObject([{ what: 'the variable MY-VAR is left out, and counts as ""', place: { line: 5 } }]);
  });

  it('says where channels are that only the code of its classes knows', () => {
    expect(parsePypz('name: p\nparameters: { ">>channelLocation": "b:9092" }\nspec: { name: "a:B", nestedInstances: [{ name: x, spec: { name: "a:C" } }] }').spec.location).toBe('kafka://b:9092?protocol=pypz');
  });

  it('cannot hold everything', () => {
    const spec: PipelineSpec = {
      millrace: 1,
      pipeline: 'p',
      defaults: { replicas: 2 },
      operators: { a: { class: './a.js#A', delivery: 'exactly-once', replicas: '${N}', parameters: { x: '${X:-1}', y: '$${' }, ports: { in: { connect: 'b.in.deadLetters', from: 'memory:x/y', onError: 'skip', openTimeout: '${T}' } } } },
    };
    expect(() => stringifyPypz(spec)).toThrowErrorMatchingSnapshot();
  });

  it('that is none is told where', () => {
    expect(() => parsePypz('name: p\nspec:\n  name: a:B\n  nestedInstances:\n    - name: x\n    - 7\n    - { name: x, spec: { name: a:C, nestedInstances: no }, parameters: [], connections: [{ inputPortName: in }] }\n', { file: 'p.yaml' })).toThrowErrorMatchingSnapshot();
  });
});
