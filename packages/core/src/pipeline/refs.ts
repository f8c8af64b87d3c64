import type { WholeOf } from '../codec/index.js';
import type { InputPort, OutputPort, DeadLetter } from '../port/index.js';
import type { PipelineNode } from './pipeline.js';

declare const carries: unique symbol;

/** An input port of an operator in a pipeline, to be connected. */
export interface InputRef<in T> {
  readonly [carries]?: (value: T) => void;
  /** Reads what these output ports write; their records must have at least the fields that this port reads. */
  connect(...outputs: readonly OutputRef<T>[]): void;
  /**
   * Reads a channel that belongs to somebody else: `from('kafka://broker:9092/orders?group=billing&start=latest&format=json')`.
   * Keys: `group`, `start` (`earliest`, `latest`, ISO time), `until=end`, `format`, `registry`.
   */
  from(location: string): void;
  /** What this port gave up, where its `onError` is `deadLetter`. Connect an input to it, or it goes to a channel of its own. */
  readonly deadLetters: OutputRef<DeadLetter>;
}

/** An output port of an operator in a pipeline. */
export interface OutputRef<out T> {
  readonly [carries]?: () => T;
  /** Writes into a channel that belongs to somebody else too: `to('kafka://broker:9092/bills?format=avro')`. */
  to(location: string): void;
}

/** What `add` returns: a reference for each port. */
export type Refs<I> = {
  readonly [K in keyof I as I[K] extends InputPort<infer _T> | OutputPort<infer _U> ? K : never]: I[K] extends InputPort<infer T> ? InputRef<WholeOf<T>> : I[K] extends OutputPort<infer T> ? OutputRef<WholeOf<T>> : never;
};

/** Where a port stands in a pipeline. */
export interface PortAddress {
  readonly node: PipelineNode;
  readonly port: string;
  /** The port's dead letters, instead of the port. */
  readonly deadLetters: boolean;
}
