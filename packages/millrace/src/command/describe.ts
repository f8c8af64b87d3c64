import { MillraceError, operatorMembersOf, operatorMetadataOf, type OperatorClass, type PortMetadata } from '@millrace/core';
import { z } from 'zod';
import { EXIT } from './failure.js';
import { loadModule, pick, type Exports } from './load/module.js';
import { isDescription, targetOf } from './load/target.js';
import { columns, type Streams } from './terminal.js';

export interface DescribeFlags {
  readonly format: 'text' | 'json';
}

interface PortDescription {
  readonly name: string;
  readonly direction: 'input' | 'output';
  readonly record: string;
  readonly format: string;
  readonly fingerprint: string;
  /** Avro, or JSON Schema where the format is `json`. */
  readonly schema: unknown;
}

/** An operator for who wants to use it. */
interface OperatorDescription {
  readonly name: string;
  readonly module?: string | undefined;
  readonly description?: string | undefined;
  /** JSON Schema of what `add` takes. */
  readonly parameters: JsonSchema;
  readonly ports: readonly PortDescription[];
  readonly states: readonly { readonly name: string; readonly per: string }[];
  readonly plugins: readonly { readonly name: string; readonly class: string }[];
}

interface JsonSchema {
  readonly [key: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** `millrace describe`: one operator, or all that a module exports. */
export async function describe(target: string, { format }: DescribeFlags, { out }: Streams): Promise<number> {
  const { file, name } = targetOf(target);
  if (isDescription(file)) throw new MillraceError('MILLRACE_COMMAND_INVALID', `${file} describes a pipeline, not operators; name a module of operators, or one as file#Class; millrace plan shows the pipeline`);
  const exports = await loadModule(file);
  const described = operatorsOf(exports, name, file).map(descriptionOf);
  out.write(`${format === 'json' ? JSON.stringify(name === undefined ? described : described[0], undefined, 2) : described.map(textOf).join('\n\n')}\n`);
  return EXIT.done;
}

function operatorsOf(exports: Exports, name: string | undefined, file: string): readonly OperatorClass[] {
  const all = [...new Set(Object.values(exports).filter(isOperator))];
  return name === undefined && all.length > 1 ? all : [pick(exports, name, file, 'an operator', isOperator)];
}

function isOperator(value: unknown): value is OperatorClass {
  return typeof value === 'function' && operatorMetadataOf(value as OperatorClass) !== undefined;
}

function descriptionOf(type: OperatorClass): OperatorDescription {
  const { name = type.name, module, description } = operatorMetadataOf(type) ?? {};
  const { ports, states, plugins } = operatorMembersOf(type);
  return {
    name, module, description,
    parameters: withoutSecrets(z.toJSONSchema(type.parameters, { io: 'input', unrepresentable: 'any' })),
    ports: [...ports.values()].map(portOf),
    states: [...states.values()].map(({ name: state, per }) => ({ name: state, per })),
    plugins: [...plugins.values()].map((plugin) => ({ name: plugin.name, class: plugin.type.name })),
  };
}

function portOf({ name, direction, codec }: PortMetadata): PortDescription {
  return { name, direction, record: codec.name, format: codec.format, fingerprint: codec.fingerprint, schema: JSON.parse(codec.schema) as unknown };
}

/** A default of what is secret is secret too. */
function withoutSecrets(schema: unknown): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || (value as JsonSchema)['secret'] !== true) return value;
    return Object.fromEntries(Object.entries(value).filter(([key]) => !['default', 'examples', 'const', 'enum'].includes(key)));
  }) as JsonSchema;
}

function textOf({ name, module, description, parameters, ports, states, plugins }: OperatorDescription): string {
  const { properties = {}, required = [] } = parameters;
  const list = (title: string, rows: readonly (readonly string[])[]): readonly string[] => (rows.length === 0 ? [] : ['', title, ...columns(rows).map((row) => `  ${row}`)]);
  return [
    `operator ${name}${module === undefined ? '' : ` of ${module}`}`,
    ...(description === undefined ? [] : [description]),
    ...list('parameters', Object.entries(properties).map(([key, schema]) => [key, typeOf(schema), required.includes(key) ? 'required' : 'default' in schema ? `default ${JSON.stringify(schema['default'])}` : 'optional', String(schema['description'] ?? '')])),
    ...list('inputs', ports.filter(({ direction }) => direction === 'input').map(portRow)),
    ...list('outputs', ports.filter(({ direction }) => direction === 'output').map(portRow)),
    ...list('state', states.map(({ name: state, per }) => [state, `per ${per}`])),
    ...list('plugins', plugins.map((plugin) => [plugin.name, plugin.class])),
  ].join('\n');
}

function portRow({ name, record, format, fingerprint, schema }: PortDescription): readonly string[] {
  return [name, record || format, format, fingerprint, fieldsOf(schema)];
}

function fieldsOf(schema: unknown): string {
  const { fields, properties } = (typeof schema === 'object' && schema !== null ? schema : {}) as { readonly fields?: readonly { readonly name: string; readonly type: unknown }[]; readonly properties?: Readonly<Record<string, JsonSchema>> };
  const members = fields?.map(({ name, type }) => `${name}: ${avroType(type)}`) ?? Object.entries(properties ?? {}).map(([key, value]) => `${key}: ${typeOf(value)}`);
  return members.length === 0 ? '' : `{ ${members.join(', ')} }`;
}

function avroType(type: unknown): string {
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return type.map(avroType).join(' | ');
  const { type: kind, name, logicalType, items, values } = type as Readonly<Record<string, unknown>>;
  if (typeof name === 'string') return name;
  if (kind === 'array') return `${avroType(items)}[]`;
  if (kind === 'map') return `map of ${avroType(values)}`;
  return typeof logicalType === 'string' ? logicalType : avroType(kind);
}

function typeOf(schema: JsonSchema): string {
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema['anyOf'])) return schema['anyOf'].map((each) => typeOf(each as JsonSchema)).join(' | ');
  if (schema['type'] === 'array') return `${typeOf((schema['items'] ?? {}) as JsonSchema)}[]`;
  return typeof schema['type'] === 'string' ? schema['type'] : 'any';
}
