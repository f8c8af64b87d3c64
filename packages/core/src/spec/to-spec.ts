import { dirname, isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { MillraceError } from '../error/index.js';
import { operatorMembersOf, operatorMetadataOf, type OperatorClass } from '../operator/index.js';
import type { Pipeline, PipelineDefaults, PipelineNode, PortAddress } from '../pipeline/index.js';
import { pathKey, templatesOf } from '../pipeline/templates.js';
import { shown } from '../plan/problem-list.js';
import { SPEC_VERSION, type OperatorSpec, type PipelineSpec, type PortSpec } from './grammar.js';
import { isRecord } from './parse.js';
import type { SpecPath } from './source.js';
import { escapeText, isPlain, mapTexts } from './templates.js';

/** Options of {@link toSpec}. */
export interface ToSpecOptions {
  /** Where the spec will stand, path or `file:` URL: modules are named against it. Default: by their URLs. */
  readonly file?: string | URL | undefined;
  readonly location?: string | undefined;
  readonly defaults?: PipelineDefaults | undefined;
  /** The module of the services. */
  readonly services?: URL | undefined;
}

/**
 * Describes a pipeline as a spec, whether it was made in code or from one. Parameters that came from variables are written as
 * their templates, so that no secret is.
 * @throws MillraceError `MILLRACE_SPEC_INVALID` naming all that a file cannot hold: functions, dates, classes without a module, operators without a name
 */
export function toSpec(pipeline: Pipeline, options: ToSpecOptions = {}): PipelineSpec {
  const { name, names, nodes, connections, bindings } = pipeline.definition();
  const file = options.file === undefined ? undefined : String(options.file).startsWith('file:') ? fileURLToPath(options.file) : String(options.file);
  const refused: string[] = [];
  const nameOf = (node: PipelineNode): string => names.get(node) ?? '';
  const write = (value: unknown, where: string): unknown => mapTexts(plain(value, [where], refused), escapeText);

  const operators = nodes.map((node): [string, OperatorSpec] => {
    const operator = nameOf(node);
    if (operator === '') refused.push(`an operator of class ${node.type.name} has no name`);
    const { name: _name, ports = {}, ...own } = node.options;
    const at = (address: PortAddress, port: string, deadLetters: boolean): boolean => address.node === node && address.port === port && address.deadLetters === deadLetters;
    const specs = [...new Set([...operatorMembersOf(node.type).ports.keys(), ...Object.keys(ports)])].map((port): [string, PortSpec] => {
      const connect = connections.filter(({ to }) => at(to, port, false)).map(({ from }) => `${nameOf(from.node)}.${from.port}${from.deadLetters ? '.deadLetters' : ''}`);
      const bound = (direction: 'from' | 'to', deadLetters: boolean): readonly string[] => bindings.filter((binding) => binding.direction === direction && at(binding.at, port, deadLetters)).map(({ location }) => escapeText(location));
      const letters = bound('to', true);
      return [port, {
        ...listed('connect', connect),
        ...listed('from', bound('from', false)),
        ...listed('to', bound('to', false)),
        ...(letters.length === 0 ? {} : { deadLetters: listed('to', letters) as { readonly to: string } }),
        ...(write(ports[port as never] ?? {}, `${operator}.${port}`) as PortSpec),
      }];
    });
    const told = specs.filter(([, spec]) => Object.keys(spec).length > 0);
    const parameters = parametersOf(node, operator, refused);
    return [operator, {
      class: classOf(node.type, file, refused),
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      ...(write(own, operator) as object),
      ...(told.length === 0 ? {} : { ports: Object.fromEntries(told) }),
    }];
  });
  const spec: PipelineSpec = {
    millrace: SPEC_VERSION,
    pipeline: name,
    ...(options.location === undefined ? {} : { location: escapeText(options.location) }),
    ...(options.services === undefined ? {} : { services: escapeText(moduleName(options.services.href, file)) }),
    ...(options.defaults === undefined ? {} : { defaults: write(options.defaults, 'defaults') as object }),
    operators: Object.fromEntries(operators),
  };
  if (refused.length > 0) throw new MillraceError('MILLRACE_SPEC_INVALID', `pipeline ${name} cannot be written as a spec: ${refused.join('; ')}`);
  return spec;
}

/** The YAML of a spec. JSON is `JSON.stringify(spec)`, where no parameter is a set. */
export function stringifySpec(spec: PipelineSpec): string {
  // As the key of a set, a text in block form does not come back as it was.
  return stringify(spec, { lineWidth: 0, blockQuote: false, aliasDuplicateObjects: false, customTags: ['set'] });
}

/** One member alone is written without a list. */
function listed(key: string, values: readonly string[]): Readonly<Record<string, string | readonly string[]>> {
  const [first] = values;
  return first === undefined ? {} : { [key]: values.length === 1 ? first : values };
}

function classOf(type: OperatorClass, file: string | undefined, refused: string[]): string {
  const metadata = operatorMetadataOf(type);
  if (metadata?.module === undefined) {
    refused.push(`the class ${type.name} has no module: write @operator(import.meta)`);
    return '';
  }
  return escapeText(`${moduleName(metadata.module, file)}#${metadata.name}`);
}

function moduleName(url: string, file: string | undefined): string {
  if (file === undefined || !url.startsWith('file:')) return url;
  const path = relative(dirname(file), fileURLToPath(url)).split(sep).join('/');
  // On Windows another drive has no relative path.
  if (isAbsolute(path)) return url;
  return path.startsWith('../') ? path : `./${path}`;
}

/** Parameters as they were given, templates in the place of what came from variables. */
function parametersOf({ parameters }: PipelineNode, operator: string, refused: string[]): Readonly<Record<string, unknown>> {
  const marks = templatesOf(parameters);
  const restore = (value: unknown, path: SpecPath): unknown => {
    const mark = marks.get(pathKey(path));
    if (mark !== undefined) return mark.template;
    if (typeof value === 'string') return escapeText(value);
    if (Array.isArray(value)) return value.map((item, index) => restore(item, [...path, index]));
    if (value instanceof Set) return new Set([...(value as ReadonlySet<unknown>)].map((item, index) => restore(item, [...path, index])));
    return isRecord(value) && isPlain(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item, [...path, key])])) : value;
  };
  const given = plain(parameters, [operator], refused);
  const written = isRecord(given) ? Object.entries(given) : [];
  for (const [key] of written) if (/^[#>]/.test(key)) refused.push(`${operator}.${key} begins with a prefix of cascading parameters`);
  return Object.fromEntries(written.map(([key, value]) => [key, restore(value, [key])]));
}

/** A value without what is `undefined` in it; what a file cannot hold is told. */
function plain(value: unknown, path: SpecPath, refused: string[], depth = 0): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'object' && depth < 100) {
    if (Array.isArray(value)) return value.map((item, index) => plain(item, [...path, index], refused, depth + 1));
    if (value instanceof Set) return new Set([...(value as ReadonlySet<unknown>)].map((item, index) => plain(item, [...path, index], refused, depth + 1)));
    if (isPlain(value)) return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined).map(([key, item]) => [key, plain(item, [...path, key], refused, depth + 1)]));
  }
  refused.push(`${path.map(String).join('.')} is ${depth >= 100 ? 'too deep' : typeof value === 'object' ? `a ${value.constructor.name}` : shown(value)}, which a file cannot hold`);
  return null;
}
