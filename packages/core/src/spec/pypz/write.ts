import { MillraceError } from '../../error/index.js';
import type { PipelineSpec } from '../grammar.js';
import { mapTexts, partsOf } from '../templates.js';
import { stringifyPyYaml } from './yaml.js';

/** Options of {@link stringifyPypz}. */
export interface StringifyPypzOptions {
  /** As for `parsePypz`: classes of Python and what stands for them. */
  readonly classes?: Readonly<Record<string, string>> | undefined;
  /** `channelLocation` of every port, such as `broker:9092`. Default: that of the spec. */
  readonly channelLocation?: string | undefined;
}

/**
 * Writes a spec in the YAML of pypz 0.10: a `Pipeline` wholly described in it, whose operators are made by the classes of the
 * table. What is only about how Millrace runs it (placement, intervals, checks) is left out.
 * @throws MillraceError `MILLRACE_SPEC_INVALID` naming all that pypz cannot do: classes that are not in the table, external channels,
 * dead letters, exactly-once, defaults of variables
 */
export function stringifyPypz(spec: PipelineSpec, { classes = {}, channelLocation = hostsOf(spec.location) }: StringifyPypzOptions = {}): string {
  const table = new Map(Object.entries(classes).map(([python, own]) => [own, python.includes(':') ? python : python.replace(/\.([^.]+)$/, ':$1')]));
  const refused: string[] = [];
  if (spec.defaults !== undefined) refused.push('defaults have no counterpart; give the options to the operators');
  const operators = Object.entries(spec.operators).map(([name, { class: type, parameters = {}, replicas, delivery, ports = {} }]) => {
    const python = type.startsWith('pypz:') ? type.slice('pypz:'.length).replace('#', ':') : table.get(type);
    if (python === undefined) refused.push(`${name}: no class of Python stands for ${type} in the table`);
    if (delivery === 'exactly-once') refused.push(`${name}: delivery cannot be exactly-once`);
    if (typeof replicas === 'string') refused.push(`${name}: replicas cannot come from a variable`);
    const connections = Object.entries(ports).flatMap(([port, { connect = [] }]) => (typeof connect === 'string' ? [connect] : connect).map((source) => {
      const [instanceName = '', outputPortName = '', letters] = source.split('.');
      if (letters !== undefined) refused.push(`${name}.${port}: there are no dead letters to connect to`);
      return { inputPortName: port, source: { instanceName, outputPortName } };
    }));
    const nested = Object.entries(ports).map(([port, options]) => {
      for (const key of ['from', 'to', 'deadLetters', 'broadcast', 'partitions', 'backend'] as const) if (options[key] !== undefined && options[key] !== false) refused.push(`${name}.${port}: ${key} has no counterpart`);
      for (const key of ['openTimeout', 'syncOpen', 'sequential'] as const) if (typeof options[key] === 'string') refused.push(`${name}.${port}: ${key} cannot come from a variable`);
      if (options.onError !== undefined && options.onError !== 'fail') refused.push(`${name}.${port}: onError can only be fail`);
      return {
        name: port,
        parameters: {
          ...(options.openTimeout === undefined ? {} : { portOpenTimeoutMs: options.openTimeout }),
          ...(options.syncOpen === undefined ? {} : { syncConnectionsOpen: options.syncOpen }),
          ...(options.sequential === undefined ? {} : { sequentialModeEnabled: options.sequential }),
        },
      };
    }).filter((port) => Object.keys(port.parameters).length > 0);
    return {
      name,
      parameters: { ...parameters, ...(typeof replicas === 'number' && replicas > 1 ? { replicationFactor: replicas - 1 } : {}) },
      connections,
      spec: { name: python ?? '', types: ["<class 'pypz.core.specs.operator.Operator'>"], nestedInstances: nested },
    };
  });
  const value = mapTexts({
    name: spec.pipeline,
    parameters: { ...(channelLocation === undefined ? {} : { '>>channelLocation': channelLocation }), ...spec.parameters },
    spec: { name: 'pypz.core.specs.pipeline:Pipeline', nestedInstances: operators },
  }, (text) => templateOf(text, refused));
  if (refused.length > 0) throw new MillraceError('MILLRACE_SPEC_INVALID', `pipeline ${spec.pipeline} cannot be written for pypz: ${[...new Set(refused)].join('; ')}`);
  return stringifyPyYaml(value);
}

function hostsOf(location: string | undefined): string | undefined {
  return /^kafkas?:\/\/([^/?]+)/.exec(location ?? '')?.[1];
}

/** Ours as pypz's: it has no escape, and "" is the only default. */
function templateOf(text: string, refused: string[]): string {
  return partsOf(text).map((part) => {
    if ('variable' in part) {
      if (part.standard !== undefined && part.standard !== '') refused.push(`the variable ${part.variable} has a default`);
      return part.open === '{' ? `\${env:${part.variable}}` : `$(env:${part.variable})`;
    }
    const literal = 'stray' in part ? `$${part.stray}` : part.literal;
    if (/\$[{(]/.test(literal)) refused.push('a text has ${ or $( itself, which pypz always takes for a template');
    return literal;
  }).join('');
}
