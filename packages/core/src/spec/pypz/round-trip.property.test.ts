import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { MillraceError } from '../../error/index.js';
import { loadPypz, parsePypz, SpecError, stringifyPypz, type OperatorSpec, type PipelineSpec, type PortSpec } from '../index.js';
import { escapeText } from '../templates.js';
import { PYYAML } from './yaml.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-pypz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/);
const variable = fc.constantFrom('${A:-}', '$(B_1:-)');
/** Texts with what means something in YAML, to PyYAML, and in templates; pypz cannot hold what looks like a template. */
const literal = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('yes', 'Off', 'y', 'null', '~', '017', '0o17', '08', '1_0', '1:30', '1e3', '1.0e+3', '.5', '-.inf', '2026-11-26', '=', '<<', '0b1', '0x1F', '+1', ''),
  fc.array(fc.constantFrom('$', '{', '}', '(', ')', ':', '#', '\n', '\r\n', '\u0085', '\u2028', '\u007f', '\ufeff', ' ', '- ', '"', "'", 'A'), { maxLength: 6 }).map((parts) => parts.join('')),
);
const text = fc.array(fc.oneof(literal.map((part) => ({ literal: part })), variable), { maxLength: 3 }).map((parts) => {
  let result = '';
  let before = '';
  const spelled = (after = ''): string => escapeText(before.replace(/\$+(?=[{(])/g, 'S') + after);
  for (const part of parts) {
    if (typeof part === 'object') before += part.literal;
    else {
      result += spelled('{').slice(0, -1) + part;
      before = '';
    }
  }
  return result + spelled();
});
const number = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(1e21, -1e-7, 2 ** 53 - 1, -0));
const value = fc.letrec((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, text, number, fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 3 }), fc.dictionary(fc.string({ unit: 'binary' }), tie('any'), { maxKeys: 3 }), fc.uniqueArray(text, { maxLength: 3 }).map((items) => new Set(items))),
})).any;
/** A parameter that is null is one that is not given. */
const given = value.filter((each) => each !== null);
const parameterName = fc.oneof(name, fc.constant('__proto__'), fc.string({ unit: 'binary' })).filter((key) => !/^[#>]|^(?:replicationFactor|operatorImageName)$/.test(key));
const prefixed = (...prefixes: readonly string[]) => fc.tuple(fc.constantFrom(...prefixes), fc.constantFrom('rate', 'team')).map(([prefix, key]) => prefix + key);
const timeout = fc.constantFrom('portOpenTimeoutMs').chain((key) => fc.tuple(fc.constantFrom('>>', '##'), fc.integer({ min: 1, max: 9e6 })).map(([prefix, ms]) => [prefix + key, ms] as const));

const port = fc.record({ openTimeout: fc.integer({ min: 1, max: 9e6 }), syncOpen: fc.constant(true), sequential: fc.constant(true) }, { requiredKeys: [] });
const operator = fc.record({
  name,
  class: fc.constantFrom('pypz:rich#Worker', './greetings.js#Writer'),
  replicas: fc.option(fc.integer({ min: 2, max: 9 }), { nil: undefined }),
  parameters: fc.uniqueArray(fc.tuple(fc.oneof({ weight: 3, arbitrary: parameterName }, prefixed('', '#')), given), { selector: ([key]) => key, maxLength: 4 }),
  input: port,
  output: fc.record({ openTimeout: fc.integer({ min: 1, max: 9e6 }) }, { requiredKeys: [] }),
});
const pipeline = fc.record({
  name,
  location: fc.option(fc.constantFrom('kafka://b:9092?protocol=pypz', 'kafka://b1:9092,b2:9092?protocol=pypz', 'kafka://${BROKER:-}?protocol=pypz'), { nil: undefined }),
  parameters: fc.uniqueArray(fc.oneof(fc.tuple(prefixed('>', '#', '##', '>#', '##>'), given), fc.tuple(prefixed('>>', '#>'), given), timeout), { selector: ([key]) => key, maxLength: 4 }),
  operators: fc.uniqueArray(operator, { selector: (each) => each.name, minLength: 1, maxLength: 4 }),
  joints: fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(3)), { selector: String, maxLength: 6 }),
});
type Given = typeof pipeline extends fc.Arbitrary<infer T> ? T : never;

const classes = { 'greetings.Writer': './greetings.js#Writer' };

/** The pipeline with its cascades, as it is written, and as it is to be read: with what came down to each operator and port. */
function specsOf({ name: pipelineName, location, parameters, operators, joints }: Given): { readonly written: PipelineSpec; readonly read: PipelineSpec } {
  const at = (index: number): Given['operators'][number] => operators[index % operators.length]!;
  const connections = [...new Set(joints.map(([to, from]) => `${at(to).name} ${at(from).name}`))].map((joint) => joint.split(' '));
  const everyPort = parameters.filter(([key]) => key.endsWith('portOpenTimeoutMs')).at(-1)?.[1] as number | undefined;
  const make = (isRead: boolean): PipelineSpec => ({
    millrace: 1,
    pipeline: pipelineName,
    ...(location === undefined ? {} : { location }),
    ...(isRead || parameters.length === 0 ? {} : { parameters: Object.fromEntries(parameters) }),
    operators: Object.fromEntries(operators.map(({ name: own, class: type, replicas, parameters: ownParameters, input, output }): [string, OperatorSpec] => {
      const sources = connections.filter(([to]) => to === own).map(([, from]) => `${from}.out`);
      const isSource = connections.some(([, from]) => from === own);
      const inherited = isRead && everyPort !== undefined ? { openTimeout: everyPort } : {};
      const ports = {
        ...(sources.length === 0 ? {} : { in: { connect: sources.length === 1 ? sources[0]! : sources, ...inherited, ...input } as PortSpec }),
        ...(isSource && Object.keys({ ...inherited, ...output }).length > 0 ? { out: { ...inherited, ...output } as PortSpec } : {}),
      };
      const cascaded = parameters.filter(([key]) => /^(?:[>#]|##|>#|##>)(?![#>])/.test(key) && !key.endsWith('portOpenTimeoutMs') || key.startsWith('##portOpen'));
      const entries = isRead ? [...cascaded, ...ownParameters].map(([key, each]) => [key.replace(/^[#>]+/, ''), each] as const) : ownParameters;
      return [own, {
        class: type,
        ...(entries.length === 0 ? {} : { parameters: Object.fromEntries(entries) }),
        ...(replicas === undefined ? {} : { replicas }),
        ...(Object.keys(ports).length === 0 ? {} : { ports }),
      }];
    })),
  });
  return { written: make(false), read: make(true) };
}

/** Either it is read, or all that is wrong has its line. */
function isReadOrTold(work: () => unknown, text: string): void {
  const lines = text.split(/\r\n|[\n\r]/).length + 1;
  const isPlace = ({ place }: SpecError['problems'][number]): boolean => place.line >= 1 && place.line <= lines && place.column >= 1;
  try {
    const { warnings = [] } = work() as { readonly warnings?: SpecError['problems'] };
    expect(warnings.filter((warning) => !isPlace(warning))).toEqual([]);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    expect(error.problems.filter((problem) => !isPlace(problem))).toEqual([]);
  }
}

describe('the YAML of pypz', () => {
  it('is read as what was written, with what cascaded to each operator and port', () => {
    fc.assert(fc.property(pipeline, (each) => {
      const { written, read } = specsOf(each);
      const { spec } = parsePypz(stringifyPypz(written, { classes }), { classes });
      expect(spec).toEqual(read);
      expect(parsePypz(stringifyPypz(spec, { classes }), { classes }).spec).toEqual(read);
    }), { numRuns: 300 });
  });

  const fixtures = ['two-operators.yaml', 'rich-input.yaml', 'rich-output.yaml', 'kubernetes.yaml'].map((file) => readFileSync(new URL(`../fixtures/pypz/${file}`, import.meta.url), 'utf8'));
  const cut = fc.tuple(fc.nat(), fc.nat(30), fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom('\n', '\t', ': ', '- ', '[', '{', '}', '&a ', '*a', '!!set ', '${', '"', '2026-11-26', '1e3', '%YAML 9\n', '---\n', '? ')));

  it('that is damaged is read or told with its lines', () => {
    fc.assert(fc.property(fc.constantFrom(...fixtures), fc.array(cut, { minLength: 1, maxLength: 4 }), (fixture, cuts) => {
      const damaged = cuts.reduce((before, [at, length, put]) => before.slice(0, at % before.length) + put + before.slice((at % before.length) + length), fixture);
      isReadOrTold(() => parsePypz(damaged), damaged);
    }), { numRuns: 100 });
  });

  it('with a value in the place of another is read or told, and then written or refused', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...fixtures), fc.array(fc.tuple(fc.nat(), fc.oneof(value, fc.constantFrom(...['name', 'spec', 'connections', 'parameters'].map((key) => ({ [key]: [] }))))), { minLength: 1, maxLength: 3 }), async (fixture, puts) => {
      const top: unknown = parse(fixture, PYYAML);
      for (const [at, put] of puts) {
        const places = placesIn(top);
        const [holder, key] = places[at % places.length]!;
        holder[key] = put;
      }
      const damaged = stringify(top, { customTags: ['set'] });
      isReadOrTold(() => {
        const result = parsePypz(damaged);
        try {
          stringifyPypz(result.spec);
        } catch (error) {
          if (!MillraceError.is(error)) throw error;
        }
        return result;
      }, damaged);
      const file = join(folder, 'damaged.yaml');
      writeFileSync(file, damaged);
      await loadPypz(file).catch((error: unknown) => {
        if (!MillraceError.is(error)) throw error;
      });
    }), { numRuns: 60 });
  });
});

/** Every member of every mapping and list. */
function placesIn(value: unknown): readonly (readonly [Record<string, unknown>, string])[] {
  if (typeof value !== 'object' || value === null || value instanceof Set) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [[holder, key] as const, ...placesIn(holder[key])]);
}
