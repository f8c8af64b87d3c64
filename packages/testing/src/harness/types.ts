import type { InputPort, Operator, OutputPort, PartitionState, Plugin } from '@millrace/core';

type NamesOf<I, P> = { [K in keyof I]-?: I[K] extends P ? K : never }[keyof I] & string;
type AnyInput = { readonly retrieve: unknown; readonly retainFrom: unknown };
type AnyOutput = { readonly send: unknown; readonly '~record': unknown };

/** The names of an operator's input ports. */
export type InputName<I> = NamesOf<I, AnyInput>;
/** The names of an operator's output ports. */
export type OutputName<I> = NamesOf<I, AnyOutput>;

/** The records of a port. */
export type ValueOf<P> = P extends InputPort<infer T> ? T : P extends OutputPort<infer T> ? T : never;

type Callable = (...args: never[]) => unknown;

/**
 * The `@state` values of an operator by field; those per partition by partition. Types cannot tell a state field from another
 * public one, so the others are in it too, but never there.
 */
export type StateOf<I> = {
  readonly [K in keyof I as K extends keyof Operator | symbol ? never : I[K] extends AnyInput | AnyOutput | Plugin | Callable ? never : K]: I[K] extends PartitionState<infer T> ? Readonly<Record<number, T>> : I[K];
};

/** What one commit wrote. */
export interface HarnessCommit<I> {
  /** Next offset to read, by input port and partition, as far as this commit moved it. */
  readonly positions: { readonly [K in InputName<I>]?: Readonly<Record<number, number>> };
  /** The state values that it changed. */
  readonly state: Partial<StateOf<I>>;
  /** What was sent since the commit before, by output port, in the order of sending. */
  readonly outputs: { readonly [K in OutputName<I>]?: readonly ValueOf<I[K]>[] };
  /** True where the replica is done with it, for good. */
  readonly done: boolean;
}

/** An error that the replica met. */
export interface HarnessError {
  readonly error: Error;
  /** The hook or stage that it came from. */
  readonly source: string;
  /** False where a retry or the policy of a port dealt with it. */
  readonly fatal: boolean;
}
