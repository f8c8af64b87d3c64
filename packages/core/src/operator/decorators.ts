import { injectable } from 'inversify';
import type { z } from 'zod';
import type { Codec } from '../codec/index.js';
import type { Plugin, PluginClass } from '../plugin/index.js';
import type { InputPort, OutputPort } from '../port/index.js';
import { recordMember, recordOperator } from './metadata.js';
import type { OperatorClass } from './operator.js';
import { operatorRegistry } from './registry.js';
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
    if (meta) operatorRegistry.set(`${meta.url}#${name}`, type);
    injectable()(type as never);
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

/**
 * Declares a small value that is committed with the outputs and restored at a restart: one per replica, or one per input
 * partition. It begins with the schema's defaults, so every member needs one; it is stored as JSON (zod codecs are encoded).
 */
export function state<S extends z.ZodType>(schema: S, options?: { readonly per?: 'replica' }): <K extends string>(target: { [P in K]: z.output<S> }, key: K) => void;
export function state<S extends z.ZodType>(schema: S, options: { readonly per: 'partition' }): <K extends string>(target: { readonly [P in K]: PartitionState<z.output<S>> }, key: K) => void;
export function state(schema: z.ZodType, options: { readonly per?: 'replica' | 'partition' } = {}) {
  return (target: object, key: string): void => {
    recordMember(target, 'states', { name: key, schema, per: options.per ?? 'replica' });
  };
}

/** Options of {@link plugin}; `parameters` as a value, or made from those of the operator. */
export interface PluginOptions<C extends PluginClass> extends MemberOptions {
  readonly parameters?: z.input<C['parameters']> | ((operator: never) => z.input<C['parameters']>);
}

/** Declares a plugin that the container makes for each replica: `@plugin(HealthCheck) declare readonly health: HealthCheck`. */
export function plugin<I extends Plugin, C extends PluginClass<I>>(type: C & PluginClass<I>, options: PluginOptions<C> = {}) {
  return <K extends string>(target: { readonly [P in K]: InstanceType<C> }, key: K): void => {
    const given = options.parameters as unknown;
    const parameters = typeof given === 'function' ? (given as (operator: object) => unknown) : () => given ?? {};
    recordMember(target, 'plugins', { name: key, type, parameters, dependsOn: options.dependsOn ?? [] });
  };
}
