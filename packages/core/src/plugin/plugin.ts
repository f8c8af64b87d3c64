import { z } from 'zod';
import type { Logger } from '../logger/index.js';

/** Where a plugin lives. */
export interface PluginContext {
  /** `pipeline.operator#0.plugin` */
  readonly name: string;
  /** `pipeline.operator#0` */
  readonly operator: string;
  /** Index of the replica; 0 is the principal. */
  readonly replica: number;
  readonly logger: Logger;
}

/**
 * A part of an operator with life-cycle hooks of its own, held in a field with `@plugin(Class)`. It is made by the container,
 * so its constructor may ask for services; `parameters` and `context` are set before its first hook, not in the constructor.
 *
 * Which hooks it has is told by the interfaces that it implements: {@link ServicePlugin}, {@link ResourceHandlerPlugin},
 * {@link PortPlugin}, {@link ExtendedPlugin}; any mix is fine. `onError` and `onInterrupt` are open to all.
 */
export abstract class Plugin {
  /** Override with a zod object to take parameters. */
  static readonly parameters: z.ZodObject<{}> = z.object({});
  declare readonly parameters: object;
  declare readonly context: PluginContext;

  /** An error in the replica, with the hook that it came from. */
  onError(_error: Error, _source: string): void | Promise<void> {}
  /** Once for each signal, asked stop or failure of another replica; at any time, also beside another hook. */
  onInterrupt(_signal: string): void | Promise<void> {}
}

/** A service that runs beside the operator: a health endpoint, a connection pool. `onServiceShutdown` is called wherever `onServiceStart` was, also where that threw. */
export interface ServicePlugin {
  onServiceStart(): void | Promise<void>;
  onServiceShutdown(): void | Promise<void>;
}

/** Makes and removes what the operator needs outside. Deletion happens only when the replica is done, never on a stop or a failure. */
export interface ResourceHandlerPlugin {
  onResourceCreation(): void | Promise<void>;
  onResourceDeletion(): void | Promise<void>;
}

/** Opens and closes a connection of its own beside the channels. `onPortClose` is called wherever `onPortOpen` was, also where that threw. */
export interface PortPlugin {
  onPortOpen(): void | Promise<void>;
  onPortClose(): void | Promise<void>;
}

/** Wraps the whole life of the replica. */
export interface ExtendedPlugin {
  preExecution(): void | Promise<void>;
  /** Runs whenever `preExecution` succeeded. */
  postExecution(): void | Promise<void>;
}

/** A plugin class, constructed by the container. */
export type PluginClass<I extends Plugin = Plugin> = (new (...args: never[]) => I) & { readonly parameters: z.ZodObject<{}> };
