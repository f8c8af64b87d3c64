import { input, InputPort, Operator, operator, type Codec, type EndReason, type Entry, type OperatorClass } from '@millrace/core';

/** A sink that keeps what it reads. */
export interface Collector<in out T> extends Operator {
  readonly in: InputPort<T>;
}

/** The class that {@link collector} makes, which has what its replicas read, in the order of reading. */
export type CollectorClass<T> = OperatorClass<Collector<T>> & {
  readonly values: readonly T[];
  /** With key, headers, timestamp, partition and offset. */
  readonly entries: readonly Entry<T>[];
  /**
   * Resolves to the first `count` values once they are there.
   * @throws Error where every replica is done and there are fewer
   */
  received(count: number): Promise<readonly T[]>;
  /** Forgets what was read. */
  clear(): void;
};

interface Waiting {
  readonly count: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes an operator class with an input `in` that keeps what it reads, for tests of pipelines: add the class, and ask the class.
 * What is read again after a crash is there twice.
 */
export function collector<T>(codec: Codec<T>): CollectorClass<T> {
  const entries: Entry<T>[] = [];
  let waiting: readonly Waiting[] = [];
  let done = 0;

  /** Tells those who have what they wait for, and, once nothing more will come, all. */
  const tell = (isOver: boolean): void => {
    waiting = waiting.filter(({ count, resolve, reject }) => {
      if (entries.length >= count) resolve();
      else if (isOver) reject(new Error(`the collector is done with ${entries.length} records, and ${count} are waited for`));
      return entries.length < count && !isOver;
    });
  };

  @operator(undefined, { name: 'Collector' })
  class CollectingSink extends Operator implements Collector<T> {
    @input(codec) declare readonly in: InputPort<T>;

    static get values(): readonly T[] {
      return entries.map(({ value }) => value);
    }

    static get entries(): readonly Entry<T>[] {
      return [...entries];
    }

    static async received(count: number): Promise<readonly T[]> {
      await new Promise<void>((resolve, reject) => {
        waiting = [...waiting, { count, resolve, reject }];
        tell(false);
      });
      return entries.slice(0, count).map(({ value }) => value);
    }

    static clear(): void {
      entries.length = 0;
    }

    override onRunning(): void {
      entries.push(...this.in.retrieveEntries());
      tell(false);
    }

    override onShutdown(reason: EndReason): void {
      if (reason === 'done') tell(++done % this.context.replicas === 0);
    }
  }
  return CollectingSink;
}
