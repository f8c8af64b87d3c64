import type { OperatorSpec, PipelineSpec, PortSpec } from '../grammar.js';
import { SPEC_VERSION } from '../grammar.js';
import { reachOf } from '../cascade.js';
import { isRecord } from '../parse.js';
import { SpecSource, type SpecPath } from '../source.js';
import { SpecError, type SpecProblem } from '../spec-error.js';
import { escapeText, mapTexts } from '../templates.js';
import { PYYAML } from './yaml.js';

/** Options of {@link parsePypz}. */
export interface ParsePypzOptions {
  /** Named in problems. */
  readonly file?: string | undefined;
  /** Classes of Python as `module.Class`, or as pypz's `module:Class`, and what stands for them: `module#Class`. */
  readonly classes?: Readonly<Record<string, string>> | undefined;
}

/** An operator of pypz that no class stands for, as far as its ports are known. */
export interface UnmappedOperator {
  /** As pypz names it: `module:Class`. */
  readonly python: string;
  readonly ports: ReadonlyMap<string, 'input' | 'output'>;
}

/** What a spec of pypz says. */
export interface PypzSpec {
  readonly spec: PipelineSpec;
  /** By name of the operator. */
  readonly unmapped: ReadonlyMap<string, UnmappedOperator>;
  /** What has no counterpart, and was left out. */
  readonly warnings: readonly SpecProblem[];
}

type Values = Record<string, unknown>;

/** An operator or plugin of pypz, with the values that cascaded to it. */
interface Instance {
  readonly name: string;
  readonly path: SpecPath;
  readonly given: Values;
  readonly parameters: Values;
  readonly nested: readonly Instance[];
}

/** What cascaded to a pipeline, to its operators and to their plugins before anything did. */
const NOTHING: readonly ReadonlyMap<string, unknown>[] = [new Map(), new Map(), new Map()];
const PORT_KEYS = ['channelLocation', 'channelConfig', 'portOpenTimeoutMs', 'syncConnectionsOpen', 'sequentialModeEnabled'];

/**
 * Reads a pipeline in the YAML of pypz 0.10, whether written by hand or printed by pypz: parameters cascade as there, a replication
 * factor of n makes n + 1 replicas, and an unset variable is "". Operators whose class is not in the table get a class of their
 * own, `pypz:module#Class`, with which the spec can be looked at, not loaded: see `loadPypz`.
 * @throws SpecError where it is no YAML or no pipeline of pypz
 */
export function parsePypz(text: string, { file, classes = {} }: ParsePypzOptions = {}): PypzSpec {
  const source = new SpecSource(text, file, PYYAML);
  const warnings: SpecProblem[] = [];
  const warn = (path: SpecPath, what: string, remedy: string): void => void warnings.push({ code: 'MILLRACE_SPEC_INVALID', severity: 'warning', where: path.map(String).join('.'), what, remedy, place: source.place(path) });
  const table = new Map(Object.entries(classes).map(([python, own]) => [python.replace(':', '.'), own]));
  if (source.problems.length === 0) checkShape(source.value, [], source);
  if (source.problems.length > 0) throw new SpecError(file, source.problems);

  const top = source.value as Values;
  const pipeline = instanceOf(top, [], 0, NOTHING);
  const joints = pipeline.nested.flatMap((reader) => listOf(reader.given['connections']).map((joint) => ({ reader: reader.name, input: textOf(joint['inputPortName']), writer: textOf(recordOf(joint['source'])['instanceName']), output: textOf(recordOf(joint['source'])['outputPortName']) })));
  const unmapped = new Map<string, UnmappedOperator>();
  const locations = new Set<string>();
  for (const key of Object.keys(pipeline.parameters)) warn(['parameters', key], `${key} is a parameter of the pipeline itself, which has none in Millrace`, 'give it to the operators that need it');

  const operators = pipeline.nested.map((operator): [string, OperatorSpec] => {
    const python = textOf(recordOf(operator.given['spec'])['name']);
    const ports = new Map<string, 'input' | 'output'>();
    for (const plugin of operator.nested) {
      const direction = directionOf(plugin);
      if (direction !== undefined) ports.set(plugin.name, direction);
    }
    for (const { reader, input, writer, output } of joints) {
      if (reader === operator.name) ports.set(input, 'input');
      if (writer === operator.name) ports.set(output, 'output');
    }
    for (const plugin of operator.nested) {
      const kind = textOf(recordOf(plugin.given['spec'])['name']);
      if (!ports.has(plugin.name) && !kind.startsWith('pypz.plugins.loggers.')) warn(plugin.path, `the plugin ${plugin.name} of ${operator.name} is left out`, 'a class of Millrace declares its plugins with @plugin');
    }
    if (listOf(operator.given['dependsOn']).length > 0) warn([...operator.path, 'dependsOn'], 'the order of operators is left out, since pypz itself does nothing with it', 'remove it');
    const { replicationFactor: copies, operatorImageName: image, ...rest } = operator.parameters;
    if (image !== null && image !== undefined) warn(operator.path, `operatorImageName of ${operator.name} is left out`, 'images are told to what deploys them');
    const own = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
    const type = table.get(python.replace(':', '.'));
    if (type === undefined) unmapped.set(operator.name, { python, ports });
    const inherited = pluginValues(top, operator);
    const locate = ({ channelLocation }: Values): void => void (typeof channelLocation === 'string' && channelLocation !== '' && locations.add(channelLocation));
    // Ports that only the code of its class knows.
    if (ports.size === 0) locate(inherited);
    const specs = [...ports].map(([port, direction]): [string, PortSpec] => {
      const plugin = operator.nested.find(({ name }) => name === port);
      const values = plugin?.parameters ?? inherited;
      locate(values);
      const config = recordOf(values['channelConfig']);
      const channelOptions = Object.keys(config).filter((key) => key !== 'logLevel' && key !== 'metricsEnabled');
      if (channelOptions.length > 0) warn(plugin?.path ?? operator.path, `${channelOptions.join(', ')} in channelConfig of ${operator.name}.${port} ${channelOptions.length === 1 ? 'is' : 'are'} left out`, 'give Millrace’s options of Kafka under backend of the port');
      const connect = joints.filter((joint) => joint.reader === operator.name && joint.input === port).map(({ writer, output }) => `${writer}.${output}`);
      const openTimeout = values['portOpenTimeoutMs'];
      return [port, {
        ...(connect.length === 0 ? {} : { connect: connect.length === 1 ? (connect[0] ?? '') : connect }),
        ...(typeof openTimeout === 'number' && openTimeout > 0 ? { openTimeout } : {}),
        ...(direction === 'input' && values['syncConnectionsOpen'] === true ? { syncOpen: true } : {}),
        ...(direction === 'input' && values['sequentialModeEnabled'] === true ? { sequential: true } : {}),
      }];
    });
    const told = specs.filter(([, spec]) => Object.keys(spec).length > 0);
    return [operator.name, {
      class: type ?? `pypz:${python.replace(':', '#')}`,
      ...(Object.keys(own).length === 0 ? {} : { parameters: own }),
      ...(typeof copies === 'number' && copies > 0 ? { replicas: copies + 1 } : {}),
      ...(told.length === 0 ? {} : { ports: Object.fromEntries(told) }),
    }];
  });
  const [location, ...others] = locations;
  if (others.length > 0) warn([], `the channels are at ${locations.size} locations: ${[...locations].join(', ')}`, 'a pipeline of Millrace has one; the first was taken, join others with from() and to()');
  const spec: PipelineSpec = {
    millrace: SPEC_VERSION,
    pipeline: pipeline.name,
    ...(location === undefined ? {} : { location: `kafka://${location}?protocol=pypz` }),
    operators: Object.fromEntries(operators),
  };
  const read = mapTexts(spec, (text, [, operator]) => templateOf(text, (variable) => warn(pipeline.nested.find(({ name }) => name === operator)?.path ?? [], `the variable ${variable} is left out, and counts as ""`, 'give it a name of letters, digits and _')));
  return { spec: read as PipelineSpec, unmapped, warnings };
}

/** Whether a value is a pipeline of pypz, as far as it is read here. */
function checkShape(value: unknown, path: SpecPath, source: SpecSource, level = 0): void {
  const kind = ['pipeline', 'operator', 'plugin'][level] ?? '';
  const refuse = (at: SpecPath, what: string, remedy: string): void => source.problem('MILLRACE_SPEC_INVALID', [...path, ...at], what, remedy);
  if (!isRecord(value)) return refuse([], `it is no ${kind} of pypz`, 'write a mapping with name and spec');
  if (typeof value['name'] !== 'string') refuse([], `the ${kind} has no name`, 'give it one');
  if (!isNone(value['parameters']) && !isRecord(value['parameters'])) refuse(['parameters'], 'parameters are a mapping', 'write name: value');
  if (level === 1) checkConnections(value['connections'], refuse);
  const spec = value['spec'];
  if (level < 2 && (!isRecord(spec) || typeof spec['name'] !== 'string')) return refuse(['spec'], `the ${kind} names no class`, 'write its class as spec: { name: "module:Class" }');
  const nested = isRecord(spec) && level < 2 ? spec['nestedInstances'] : undefined;
  if (isNone(nested)) return;
  if (!Array.isArray(nested)) return refuse(['spec', 'nestedInstances'], 'nestedInstances are a list', 'write each as - name: …');
  const names = nested.map((item) => (isRecord(item) ? item['name'] : undefined));
  for (const [index, item] of nested.entries()) {
    const at = ['spec', 'nestedInstances', index];
    if (typeof names[index] === 'string' && names.indexOf(names[index]) < index) refuse([...at, 'name'], `there is another ${names[index]}`, 'give each a name of its own');
    checkShape(item, [...path, ...at], source, level + 1);
  }
}

function checkConnections(connections: unknown, refuse: (at: SpecPath, what: string, remedy: string) => void): void {
  if (isNone(connections)) return;
  const isWhole = (joint: unknown): boolean => {
    const { inputPortName, source } = recordOf(joint);
    return [inputPortName, recordOf(source)['instanceName'], recordOf(source)['outputPortName']].every((name) => typeof name === 'string');
  };
  if (!Array.isArray(connections)) return refuse(['connections'], 'connections are a list', 'write each as - { inputPortName, source: { instanceName, outputPortName } }');
  for (const [index, joint] of connections.entries()) if (!isWhole(joint)) refuse(['connections', index], 'it is no connection of pypz', 'write { inputPortName, source: { instanceName, outputPortName } }');
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined;
}

/** An instance with its parameters: those that cascaded to it, overlaid by its own; its nested ones then get what is left. */
function instanceOf(given: Values, path: SpecPath, level: 0 | 1 | 2, above: readonly ReadonlyMap<string, unknown>[]): Instance {
  const values = above.map((set) => new Map(set));
  for (const [key, value] of Object.entries(recordOf(given['parameters']))) {
    const { name, pipeline, operators, plugins } = reachOf(key, level);
    for (const [at, reached] of [pipeline, operators, plugins].entries()) if (reached) values[at]?.set(name, value);
  }
  const nested = listOf(recordOf(given['spec'])['nestedInstances']);
  const parameters = Object.fromEntries(values[level] ?? []);
  return { name: textOf(given['name']), path, given, parameters, nested: level === 2 ? [] : nested.map((item, index) => instanceOf(item, [...path, 'spec', 'nestedInstances', index], (level + 1) as 1 | 2, values)) };
}

/** What cascades to a port that stands in the code of its operator alone. */
function pluginValues(top: Values, operator: Instance): Values {
  const spec = { name: '', parameters: operator.given['parameters'], spec: { nestedInstances: [{ name: '' }] } };
  const [mock] = instanceOf({ ...top, spec: { nestedInstances: [spec] } }, [], 0, NOTHING).nested;
  return Object.fromEntries(Object.entries(mock?.nested[0]?.parameters ?? {}).filter(([key]) => PORT_KEYS.includes(key)));
}

function directionOf({ given }: Instance): 'input' | 'output' | undefined {
  const spec = recordOf(given['spec']);
  const kinds = [textOf(spec['name']), ...(Array.isArray(spec['types']) ? spec['types'] : []).map(String)];
  if (kinds.some((kind) => /InputPort/.test(kind))) return 'input';
  return kinds.some((kind) => /OutputPort/.test(kind)) ? 'output' : undefined;
}

/** Templates of pypz as ours: an unset variable is "", and what is no variable is "" too. @param refuse told of a variable whose name ours cannot have */
function templateOf(text: string, refuse: (variable: string) => void): string {
  let result = '';
  let literal = '';
  let rest = 0;
  for (const match of text.matchAll(/\$\{([^\n]*?)\}|\$\(([^\n]*?)\)/g)) {
    literal += text.slice(rest, match.index);
    rest = match.index + match[0].length;
    const [, name] = /^env:(.+)$/.exec(match[1] ?? match[2] ?? '') ?? [];
    if (name === undefined) continue;
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      refuse(name);
      continue;
    }
    // With the bracket that comes next, so that a dollar before it is escaped too.
    result += escapeText(`${literal}{`).slice(0, -1) + (match[1] === undefined ? `$(${name}:-)` : `\${${name}:-}`);
    literal = '';
  }
  return result + escapeText(literal + text.slice(rest));
}

function recordOf(value: unknown): Values {
  return isRecord(value) ? value : {};
}

function listOf(value: unknown): readonly Values[] {
  return Array.isArray(value) ? (value as readonly unknown[]).map((item) => (isRecord(item) ? item : { value: item })) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
