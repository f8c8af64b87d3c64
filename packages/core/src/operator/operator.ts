import { z } from 'zod';
import type { Logger } from '../logger/index.js';

/** What a step says of itself: done, not done even if every input has ended, or (nothing) done once every input has ended. */
export type StepResult = boolean | void;

/**
 * Why an operator shuts down. `done`: it said so, or its inputs ended for good. `drained`: the run was asked to stop, the
 * sources stopped, and everything sent until then was processed. `stopped`: at once. `failed`: an error; its ports are closed
 * already. After all but `done` the next start resumes.
 */
export type EndReason = 'done' | 'drained' | 'stopped' | 'failed';

/** The hooks of an operator that can throw, as named in `onError`; those of plugins have the names of their methods. */
export type OperatorHook = 'constructor' | 'onInit' | 'onRunning' | 'onTick' | 'onCommit' | 'onShutdown';

/** Where a replica lives. */
export interface OperatorContext {
  readonly pipeline: string;
  /** Name of the operator in its pipeline. */
  readonly operator: string;
  /** `pipeline.operator#0` */
  readonly name: string;
  /** Index of the replica; 0 is the principal. */
  readonly replica: number;
  readonly replicas: number;
  readonly runId: string;
  /** The start of the pipeline on its location, counted from 1. */
  readonly generation: number;
  readonly logger: Logger;
}

/** How the runtime reaches what an operator calls back. @internal */
export const WAKE: unique symbol = Symbol.for('@millrace/wake');

/**
 * A step of the work: a class with parameters, ports, state, plugins and hooks, decorated with `@operator(import.meta)`.
 *
 * `parameters`, `context`, ports, plugins and state are set before `onInit`; the constructor may take services from the
 * container but cannot use those. Hooks of one replica never run beside each other, but for `onInterrupt`.
 */
export abstract class Operator {
  /** Override with a zod object; code, YAML and the command line are checked against it. */
  static readonly parameters: z.ZodObject<{}> = z.object({});
  /** Redeclare as `declare readonly parameters: ParametersOf<typeof YourClass>`. */
  declare readonly parameters: object;
  declare readonly context: OperatorContext;
  declare readonly [WAKE]?: () => void;

  /** Once, when the ports are open. */
  onInit(): void | Promise<void> {}
  /** A step. Called again whenever there is work; a source (no inputs) until it returns `true`. */
  abstract onRunning(): StepResult | Promise<StepResult>;
  /** A step every `tick` ms (an option of `add`), never beside another step. */
  onTick(): void | Promise<void> {}
  /** Before each commit: send what you hold. */
  onCommit(): void | Promise<void> {}
  /** Once for each instance whose `onInit` was called, also after a failure. Except then, what it sends is committed. */
  onShutdown(_reason: EndReason): void | Promise<void> {}
  /** An error in this replica, with the hook that it came from. It cannot be averted here. */
  onError(_error: Error, _source: string): void | Promise<void> {}
  /** Once for each signal (`SIGTERM`), asked stop (`stop`) or failure of another replica (`failure`); at any time, also beside another hook. */
  onInterrupt(_signal: string): void | Promise<void> {}

  /** Asks for a step soon: for sources whose data comes from callbacks. Callable at any time, also from outside a step. */
  protected wake(): void {
    this[WAKE]?.();
  }
}

/** The parameters of an operator or plugin class after parsing. */
export type ParametersOf<C extends { readonly parameters: z.ZodType }> = Readonly<z.output<C['parameters']>>;

/** An operator class; its constructor arguments come from the container. */
export type OperatorClass<I extends Operator = Operator> = (new (...args: never[]) => I) & { readonly parameters: z.ZodObject<{}> };

/** What a class makes. Unlike `InstanceType` it also knows that of a class of which only its {@link OperatorClass} is known. */
export type InstanceOf<C extends OperatorClass> = C extends new (...args: never[]) => infer I ? I : never;
