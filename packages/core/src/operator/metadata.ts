import 'reflect-metadata';
import type { z } from 'zod';
import type { Codec } from '../codec/index.js';
import type { PluginClass } from '../plugin/index.js';
import type { OperatorClass } from './operator.js';

/** What `@input` and `@output` record. @internal */
export interface PortMetadata {
  readonly name: string;
  readonly direction: 'input' | 'output';
  readonly codec: Codec<unknown>;
  readonly dependsOn: readonly string[];
}

/** What `@state` records. @internal */
export interface StateMetadata {
  readonly name: string;
  readonly schema: z.ZodType;
  readonly per: 'replica' | 'partition';
}

/** What `@plugin` records. @internal */
export interface PluginMetadata {
  readonly name: string;
  readonly type: PluginClass;
  /** Given the operator's parameters. */
  readonly parameters: (operator: object) => unknown;
  readonly dependsOn: readonly string[];
}

/** What `@operator` records. @internal */
export interface OperatorMetadata {
  readonly name: string;
  /** URL of the module that holds the class, where `import.meta` was given. */
  readonly module: string | undefined;
  readonly description: string | undefined;
}

/** The decorated fields of an operator class, those of its base classes first. @internal */
export interface OperatorMembers {
  readonly ports: ReadonlyMap<string, PortMetadata>;
  readonly states: ReadonlyMap<string, StateMetadata>;
  readonly plugins: ReadonlyMap<string, PluginMetadata>;
}

type Kind = 'ports' | 'states' | 'plugins';
const KEYS: Record<Kind, symbol> = { ports: Symbol.for('@millrace/ports'), states: Symbol.for('@millrace/states'), plugins: Symbol.for('@millrace/plugins') };
const OPERATOR = Symbol.for('@millrace/operator');

/** Adds a member to a class's own map, which begins as a copy of its base's so that a subclass never changes its base. */
export function recordMember(target: object, kind: Kind, member: PortMetadata | StateMetadata | PluginMetadata): void {
  const key = KEYS[kind];
  if (!Reflect.hasOwnMetadata(key, target)) Reflect.defineMetadata(key, new Map(Reflect.getMetadata(key, target) as Map<string, unknown> | undefined), target);
  (Reflect.getOwnMetadata(key, target) as Map<string, unknown>).set(member.name, member);
}

export function recordOperator(type: object, metadata: OperatorMetadata): void {
  Reflect.defineMetadata(OPERATOR, metadata, type);
}

/** What `@operator` said of a class itself; `undefined` where it, as opposed to a base, is not decorated. @internal */
export function operatorMetadataOf(type: OperatorClass): OperatorMetadata | undefined {
  return Reflect.getOwnMetadata(OPERATOR, type) as OperatorMetadata | undefined;
}

/** The decorated fields of a class, inherited ones included. @internal */
export function operatorMembersOf(type: OperatorClass): OperatorMembers {
  const read = <T>(kind: Kind): ReadonlyMap<string, T> => (Reflect.getMetadata(KEYS[kind], type.prototype as object) as ReadonlyMap<string, T> | undefined) ?? new Map<string, T>();
  return { ports: read<PortMetadata>('ports'), states: read<StateMetadata>('states'), plugins: read<PluginMetadata>('plugins') };
}
