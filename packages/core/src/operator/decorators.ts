import { injectable } from 'inversify';
import type { z } from 'zod';
import type { Codec } from '../codec/index.js';
import { Plugin, type PluginClass } from '../plugin/index.js';
import type { InputPort, OutputPort } from '../port/index.js';
import { inheritInjection } from './inherit-injection.js';
import { recordMember, recordOperator } from './metadata.js';
import { Operator, type OperatorClass } from './operator.js';
import { declareOperator } from './registry.js';
import type { PartitionState } from './state.js';

/** Options of a decorated field that takes part in the life cycle. */
export interface MemberOptions {
  /** Fields of the same operator whose hooks come first; on the way out, last. */
  readonly dependsOn?: readonly string[];
}

/** Options of {@link operator}. */
export interface OperatorOptions {
  /** Default: the class's name. */
  readonly name?: string;
  readonly description?: string;
}

type Declared<C> = C extends { readonly parameters: infer P extends z.ZodType } ? (string extends keyof z.output<P> ? object : { readonly parameters: Readonly<z.output<P>> }) : never;

/**
 * Makes a class an operator. Only records metadata.
 * @param meta pass `import.meta`, so that threads, processes and YAML find the class
 */
export function operator(meta?: { readonly url: string }, options: OperatorOptions = {}) {
  return <C extends OperatorClass>(type: C & (new (...args: never[]) => Declared<C>)): void => {
    const name = options.name ?? type.name;
    recordOperator(type, { name, module: meta?.url, description: options.description });
    if (meta) declareOperator(`${meta.url}#${name}`, type);
    injectable()(type as never);
    inheritInjection(type, Operator);
  };
}

/** Declares an input port that reads records of this codec: `@input(Order) declare readonly orders: InputPort<Order>`. */
export function input<T>(codec: Codec<T>, options: MemberOptions = {}) {
  return <K extends string>(target: { readonly [P in K]: InputPort<T> }, key: K): void => {
    recordMember(target, 'ports', { name: key, direction: 'input', codec: codec as unknown as Codec<unknown>, dependsOn: options.dependsOn ?? [] });
  };
}

/** Declares an output port that writes records of this codec: `@output(Bill) declare readonly bills: OutputPort<Bill>`. */
export function output<T>(codec: Codec<T>, options: MemberOptions = {}) {
  return <K extends string>(target: { readonly [P in K]: OutputPort<T> }, key: K): void => {
    recordMember(target, 'ports', { name: key, direction: 'output', codec: codec as unknown as Codec<unknown>, dependsOn: options.dependsOn ?? [] });
  };
}

/** Takes fields of exactly this type: a wider one would promise members that nobody sets. */
type StateDecorator<V> = <K extends string, I extends { readonly [P in K]: V }>(target: I, key: V extends I[K] ? K : never) => void;

/**
 * Declares a small value that is committed with the outputs and restored at a restart: one per replica, or one per input
 * partition. It begins with the schema's defaults, so every member needs one; it is stored as JSON (zod codecs are encoded).
 */
export function state<S extends z.ZodType>(schema: S, options?: { readonly per?: 'replica' }): StateDecorator<z.output<S>>;
export function state<S extends z.ZodType>(schema: S, options: { readonly per: 'partition' }): StateDecorator<PartitionState<z.output<S>>>;
export function state(schema: z.ZodType, options: { readonly per?: 'replica' | 'partition' } = {}) {
  return (target: object, key: string): void => {
    recordMember(target, 'states', { name: key, schema, per: options.per ?? 'replica' });
  };
}

type PluginParameters<C extends PluginClass, O> = z.input<C['parameters']> | ((operator: O) => z.input<C['parameters']>);

/**
 * Options of {@link plugin}. `parameters` as a value, or made from those of the operator, whose type the function names:
 * `({ port }: ParametersOf<typeof Server>) => ({ port })`. They may be left out where every one has a default.
 */
export type PluginOptions<C extends PluginClass, O = object> = MemberOptions & ({} extends z.input<C['parameters']> ? { readonly parameters?: PluginParameters<C, O> } : { readonly parameters: PluginParameters<C, O> });

/** Declares a plugin that the container makes for each replica: `@plugin(HealthCheck) declare readonly health: HealthCheck`. */
export function plugin<C extends PluginClass, O = object>(type: C & (new (...args: never[]) => Declared<C>), ...[options]: {} extends z.input<C['parameters']> ? [options?: PluginOptions<C, O>] : [options: PluginOptions<C, O>]) {
  return <K extends string>(target: { readonly [P in K]: InstanceType<C> } & { readonly parameters: O }, key: K): void => {
    inheritInjection(type, Plugin);
    const given: unknown = options?.parameters;
    const parameters = typeof given === 'function' ? (given as (operator: object) => unknown) : () => given ?? {};
    recordMember(target, 'plugins', { name: key, type, parameters, dependsOn: options?.dependsOn ?? [] });
  };
}
