import { z } from 'zod';
import { INPUT_RULES, OPERATOR_RULES, OUTPUT_RULES } from '../plan/options.js';
import type { InputOptions, OperatorDefaults, OutputOptions } from '../pipeline/index.js';

/** The version of the grammar that this release reads and writes. */
export const SPEC_VERSION = 1;

/** A value, or a text with a template that gives it: `${REPLICAS:-3}`. */
type Templated<T> = T | string;
type TemplatedMembers<O> = { readonly [K in keyof O]?: Templated<NonNullable<O[K]>> };

/** A port of an operator in a {@link PipelineSpec}: what it is joined to, beside the options of `add` by the same keys. */
export interface PortSpec extends TemplatedMembers<Omit<InputOptions, 'backend'>>, TemplatedMembers<Omit<OutputOptions, 'backend'>> {
  /** Of an input: the outputs that it reads, as `operator.port`, or as `operator.port.deadLetters` what an input gave up. */
  readonly connect?: string | readonly string[];
  /** Of an input: a channel that belongs to somebody else, as a location. */
  readonly from?: string | readonly string[];
  /** Of an output: channels that belong to somebody else. */
  readonly to?: string | readonly string[];
  /** Of an input: where what it gave up goes. */
  readonly deadLetters?: { readonly to: string | readonly string[] };
  readonly backend?: unknown;
}

/** An operator in a {@link PipelineSpec}: its class and parameters, beside the options of `add` by the same keys. */
export interface OperatorSpec extends TemplatedMembers<OperatorDefaults> {
  /** `module#Class`; a module that begins with `.` is taken against the file of the spec. */
  readonly class: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly ports?: Readonly<Record<string, PortSpec>>;
}

/** `defaults` of a {@link PipelineSpec}. */
export interface DefaultsSpec extends TemplatedMembers<OperatorDefaults> {
  readonly ports?: TemplatedMembers<Omit<InputOptions & OutputOptions, 'backend'>> & { readonly backend?: unknown };
}

/** A pipeline as YAML or JSON has it. Texts may hold templates; see `resolveTemplates`. */
export interface PipelineSpec {
  /** The version of the grammar. */
  readonly millrace: typeof SPEC_VERSION;
  /** Name of the pipeline. */
  readonly pipeline: string;
  /** Where it runs unless the start says otherwise. `local:` paths are taken against the file. */
  readonly location?: string;
  /** The module of the services that operators ask for. */
  readonly services?: string;
  readonly defaults?: DefaultsSpec;
  /** Parameters for all operators, each with a prefix that says for whom: `>name`. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly operators: Readonly<Record<string, OperatorSpec>>;
}

const expectations = new WeakMap<z.core.$ZodType, string>();

/** What is expected where a schema stands, in words for a problem. */
export function expectedBy(schema: z.core.$ZodType): string | undefined {
  return expectations.get(schema);
}

function said<T extends z.ZodType>(schema: T, expected: string): T {
  expectations.set(schema, expected);
  return schema;
}

/** A text that holds a template, or an escaped one. */
const TEMPLATE = z.string().regex(/\$[{(]/);

interface OptionRule {
  readonly schema: z.ZodType;
  readonly expected: string;
  readonly preset: unknown;
}

function optionsOf(rules: object): Record<string, z.ZodOptional> {
  return Object.fromEntries(Object.entries(rules as Record<string, OptionRule>).map(([key, { schema, expected, preset }]) => {
    const standard = preset === undefined ? '' : ` Default ${JSON.stringify(preset)}.`;
    const described = key === 'backend' ? z.unknown().describe('The backend’s own options.') : z.union([schema, TEMPLATE]).describe(`${expected}.${standard}`);
    return [key, said(described.optional(), expected)];
  }));
}

/** What a name looks like, in words. */
export const NAME_RULE = 'a name of letters, digits, _ and -, that begins with a letter or _';
const NAME = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]*$/);
const TEXT = z.string().min(1);
const TEXTS = z.union([TEXT, z.array(TEXT).min(1)]);
const SOURCE = z.string().regex(/^[^.]+\.[^.]+(\.deadLetters)?$/);
const SOURCES = z.union([SOURCE, z.array(SOURCE).min(1)]);
const PARAMETERS = z.record(z.string(), z.unknown());

const PORT = said(z.strictObject({
  connect: said(SOURCES.optional().describe('Of an input: the outputs that it reads, as operator.port; operator.port.deadLetters reads what that input gave up.'), 'operator.port, operator.port.deadLetters, or a list of them'),
  from: said(TEXTS.optional().describe('Of an input: an existing channel that belongs to somebody else, such as kafka://broker:9092/orders?group=billing.'), 'a location'),
  to: said(TEXTS.optional().describe('Of an output: existing channels that belong to somebody else, such as kafka://broker:9092/bills.'), 'a location, or a list of them'),
  deadLetters: said(z.strictObject({ to: said(TEXTS, 'a location, or a list of them') }).optional().describe('Of an input with onError deadLetter: an existing channel that gets what it gave up.'), 'a mapping with the key to'),
  ...optionsOf(INPUT_RULES),
  ...optionsOf(OUTPUT_RULES),
}), 'a mapping of the port’s connections and options');

const OPERATOR = said(z.strictObject({
  class: said(z.string().regex(/^[^#]+#[^#]+$/).describe('The class: module#Class. A module that begins with . is taken against this file.'), 'module#Class, such as ./operators.js#Reader'),
  parameters: said(PARAMETERS.optional().describe('The parameters of the class.'), 'a mapping of parameters'),
  ports: said(z.record(NAME, PORT).optional().describe('What the ports are joined to, and their options.'), 'a mapping of ports by name'),
  ...optionsOf(OPERATOR_RULES),
}), 'a mapping with class, parameters, ports and options');

const DEFAULTS = z.strictObject({
  ...optionsOf(OPERATOR_RULES),
  ports: said(z.strictObject({ ...optionsOf(INPUT_RULES), ...optionsOf(OUTPUT_RULES) }).optional().describe('Options for every port that says nothing else.'), 'a mapping of options of ports'),
});

/** The grammar: what is checked before classes are known, and what the JSON Schema for editors is made from. */
export const GRAMMAR = said(z.strictObject({
  $schema: said(z.string().optional().describe('The JSON Schema that an editor checks this file with.'), 'the address of a JSON Schema'),
  millrace: said(z.literal(SPEC_VERSION).describe('Version of the grammar.'), String(SPEC_VERSION)),
  pipeline: said(z.union([NAME, TEMPLATE]).describe('Name of the pipeline; part of every channel’s name.'), NAME_RULE),
  location: said(TEXT.optional().describe('Where it runs unless the start says otherwise: memory:, local:./data, kafka://broker:9092. A local: path is taken against this file.'), 'a location such as local:./data'),
  services: said(TEXT.optional().describe('The module of the services that operators ask for, against this file.'), 'a module such as ./services.js'),
  defaults: said(DEFAULTS.optional().describe('Options for every operator that says nothing else.'), 'a mapping of options'),
  parameters: said(PARAMETERS.optional().describe('Parameters for all operators that have one of the name: >name.'), 'a mapping of parameters'),
  operators: said(z.record(NAME, OPERATOR).describe('The operators by name.'), 'a mapping of operators by name'),
}), 'a mapping with the keys millrace, pipeline and operators');
