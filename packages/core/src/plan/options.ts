import { z } from 'zod';
import type { AddOptions, InputOptions, OperatorDefaults, OutputOptions, PipelineDefaults, PlacementKind, PlacementOptions, RestartOptions } from '../pipeline/index.js';
import type { OperatorMembers } from '../operator/index.js';
import { suggest } from './nearest.js';
import { shown, type ProblemList } from './problem-list.js';

/** More is taken for a slip: every replica is a session with threads of control of its own. @internal */
export const MAX_REPLICAS = 10_000;
/** More is taken for a slip: every partition has positions, buffers and a place in every assignment. */
export const MAX_PARTITIONS = 100_000;
/** Where timers of JavaScript end: 24.8 days. */
const MAX_MS = 0x7fff_ffff;

/** One option: what it accepts, the same in words, and its default. */
interface Rule<T> {
  readonly schema: z.ZodType<T>;
  readonly expected: string;
  readonly preset: T | undefined;
}
type Rules<O> = { readonly [K in keyof Required<O>]: Rule<Required<O>[K]> };

function rule<T>(schema: z.ZodType<T>, expected: string, preset?: T): Rule<T> {
  return { schema, expected, preset };
}
function count(least: number, most: number, preset?: number): Rule<number> {
  return rule<number>(z.int().min(least).max(most), `a whole number from ${grouped(least)} to ${grouped(most)}`, preset);
}
function duration(least: number, preset?: number): Rule<number> {
  return rule<number>(z.number().min(least).max(MAX_MS), `a number of ms from ${least} to ${grouped(MAX_MS)}`, preset);
}
function flag(preset: boolean): Rule<boolean> {
  return rule<boolean>(z.boolean(), 'true or false', preset);
}
function choice<const T extends readonly string[]>(values: T, preset: T[number]): Rule<T[number]> {
  return rule<T[number]>(z.enum(values), orList(values.map((value) => `'${value}'`)), preset);
}

const KINDS = ['inline', 'thread', 'process'] as const;
const PLACEMENT = z.union([
  z.enum(KINDS),
  z.strictObject({ kind: z.enum(KINDS), count: z.int().min(1).max(MAX_REPLICAS).optional(), memory: z.int().min(16).max(1_048_576).optional(), killAfter: z.number().min(0).max(MAX_MS).optional() }),
]) as z.ZodType<PlacementKind | PlacementOptions>;
const RESTART = z.union([
  z.literal(false),
  z.strictObject({ times: z.int().min(0).optional(), within: z.number().min(1).max(MAX_MS).optional(), backoff: z.number().min(0).max(MAX_MS).optional(), longest: z.number().min(0).max(MAX_MS).optional() }),
]) as z.ZodType<RestartOptions | false>;

/** Options of an operator, as `add` and `defaults` take them. */
export const OPERATOR_RULES: Rules<OperatorDefaults> = {
  replicas: count(1, MAX_REPLICAS, 1),
  placement: rule(PLACEMENT, "'inline', 'thread', 'process' or one of them as kind with count, memory (MiB, at least 16) and killAfter (ms)", 'inline'),
  restart: rule(RESTART, 'false or an object of times, within, backoff and longest'),
  tick: duration(1),
  idle: duration(1, 1_000),
  delivery: choice(['at-least-once', 'exactly-once'], 'at-least-once'),
  commitInterval: duration(0, 100),
  maxStepBytes: count(1, Number.MAX_SAFE_INTEGER),
  stepTimeout: duration(0, 30_000),
};

/** Options of an input port. `partitions` has no default of its own: it follows from the replicas. */
export const INPUT_RULES: Rules<InputOptions> = {
  partitions: count(1, MAX_PARTITIONS),
  broadcast: flag(false),
  onError: choice(['fail', 'skip', 'deadLetter'], 'fail'),
  retries: count(0, Number.MAX_SAFE_INTEGER, 0),
  backoff: duration(0, 100),
  onWriterDeath: choice(['wait', 'fail', 'finish'], 'wait'),
  openTimeout: duration(0, 0),
  syncOpen: flag(false),
  sequential: flag(false),
  backend: rule<unknown>(z.unknown(), 'anything'),
};

/** Options of an output port. */
export const OUTPUT_RULES: Rules<OutputOptions> = {
  partitioner: choice(['sticky', 'round-robin'], 'sticky'),
  validate: rule<'structure' | 'full' | false>(z.union([z.enum(['structure', 'full']), z.literal(false)]), `'structure', 'full' or false`, 'structure'),
  openTimeout: duration(0, 0),
  backend: rule<unknown>(z.unknown(), 'anything'),
};

type Filled<O, Left extends keyof O> = Required<Omit<O, Left>> & Pick<O, Left>;

/** An operator's options with defaults filled in. */
export type ResolvedOperator = Filled<OperatorDefaults, 'tick' | 'maxStepBytes' | 'restart'>;

/** A port's options with defaults filled in, and what `add` itself said of it. */
export interface ResolvedPort<O, R> {
  readonly own: O;
  readonly all: R;
}
export type ResolvedInput = ResolvedPort<InputOptions, Filled<InputOptions, 'partitions' | 'backend'>>;
export type ResolvedOutput = ResolvedPort<OutputOptions, Filled<OutputOptions, 'backend'>>;

/** The options of one operator and of its ports, resolved. */
export interface ResolvedOptions {
  readonly operator: ResolvedOperator;
  /** Where replicas run was said by `add` itself. */
  readonly ownPlacement: boolean;
  readonly inputs: ReadonlyMap<string, ResolvedInput>;
  readonly outputs: ReadonlyMap<string, ResolvedOutput>;
}

/** `defaults` of the plan, checked. */
export interface ResolvedDefaults {
  readonly operator: OperatorDefaults;
  readonly input: InputOptions;
  readonly output: OutputOptions;
}

/** Checks `defaults`; what is wrong is reported and left out. */
export function resolveDefaults(defaults: PipelineDefaults | undefined, problems: ProblemList): ResolvedDefaults {
  const { ports, ...operator } = asRecord(defaults, 'defaults', problems);
  const given = asRecord(ports, 'defaults.ports', problems);
  const known = [...Object.keys(INPUT_RULES), ...Object.keys(OUTPUT_RULES)];
  for (const key of Object.keys(given)) if (!known.includes(key)) unknownOption('defaults.ports', key, known, problems);
  return {
    operator: read<OperatorDefaults>(OPERATOR_RULES, operator, 'defaults', problems, ['ports']),
    input: read<InputOptions>(INPUT_RULES, pick(given, INPUT_RULES), 'defaults.ports', problems),
    output: read<OutputOptions>(OUTPUT_RULES, pick(given, OUTPUT_RULES), 'defaults.ports', problems),
  };
}

/** Checks the options of an operator and lays them over the defaults; what is wrong is reported and counts as not given. */
export function resolveOptions(options: AddOptions, members: OperatorMembers, defaults: ResolvedDefaults, where: string, problems: ProblemList): ResolvedOptions {
  const { name: _name, ports, ...operator } = asRecord(options, where, problems);
  const own = read<OperatorDefaults>(OPERATOR_RULES, operator, where, problems, ['name', 'ports']);
  const given = asRecord(ports, `${where}.ports`, problems);
  for (const port of Object.keys(given)) {
    if (!members.ports.has(port)) problems.error('MILLRACE_PORT_UNKNOWN', `${where}.ports.${port}`, `options are given for a port that the operator does not have`, suggest(port, members.ports.keys(), 'ports'));
  }
  const inputs = new Map<string, ResolvedInput>();
  const outputs = new Map<string, ResolvedOutput>();
  for (const { name, direction } of members.ports.values()) {
    const at = `${where}.${name}`;
    const mine = asRecord(Object.hasOwn(given, name) ? given[name] : undefined, at, problems);
    if (direction === 'input') {
      const read = readPort<InputOptions>(INPUT_RULES, OUTPUT_RULES, mine, at, direction, problems);
      inputs.set(name, { own: read, all: { ...presets(INPUT_RULES), ...defaults.input, ...read } as ResolvedInput['all'] });
    } else {
      const read = readPort<OutputOptions>(OUTPUT_RULES, INPUT_RULES, mine, at, direction, problems);
      outputs.set(name, { own: read, all: { ...presets(OUTPUT_RULES), ...defaults.output, ...read } as ResolvedOutput['all'] });
    }
  }
  return { operator: { ...presets(OPERATOR_RULES), ...defaults.operator, ...own } as ResolvedOperator, ownPlacement: own.placement !== undefined, inputs, outputs };
}

function readPort<O extends object>(rules: Rules<O>, others: object, given: Record<string, unknown>, where: string, direction: string, problems: ProblemList): O {
  const mine: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(rules, key) && Object.hasOwn(others, key)) {
      const other = direction === 'input' ? 'output' : 'input';
      problems.error('MILLRACE_OPTION_INVALID', `${where}.${key}`, `${key} is an option of ${other} ports, and this is an ${direction} port`, `remove it; the options of ${direction} ports are ${Object.keys(rules).join(', ')}`);
    } else {
      mine[key] = value;
    }
  }
  return read<O>(rules, mine, where, problems);
}

function read<O extends object>(rules: Rules<O>, given: Record<string, unknown>, where: string, problems: ProblemList, more: readonly string[] = []): O {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = Object.hasOwn(rules, key) ? (rules as Readonly<Record<string, Rule<unknown>>>)[key] : undefined;
    if (known === undefined) unknownOption(where, key, [...Object.keys(rules), ...more], problems);
    else if (known.schema.safeParse(value).success) result[key] = value;
    else problems.error('MILLRACE_OPTION_INVALID', `${where}.${key}`, `${key} is ${shown(value)}, not ${known.expected}`, known.preset === undefined ? 'correct it, or leave it out' : `correct it, or leave it out for ${shown(known.preset)}`);
  }
  return result as O;
}

function unknownOption(where: string, key: string, known: readonly string[], problems: ProblemList): void {
  problems.error('MILLRACE_OPTION_INVALID', `${where}.${key}`, `there is no option ${key}`, suggest(key, known, 'options'));
}

function presets(rules: object): object {
  return Object.fromEntries(Object.entries(rules as Record<string, Rule<unknown>>).filter(([, { preset }]) => preset !== undefined).map(([key, { preset }]) => [key, preset]));
}

function pick(given: Record<string, unknown>, rules: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([key]) => Object.hasOwn(rules, key)));
}

function asRecord(value: unknown, where: string, problems: ProblemList): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  problems.error('MILLRACE_OPTION_INVALID', where, `options are ${shown(value)}, not an object`, 'give an object of options');
  return {};
}

function orList(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-US');
}
