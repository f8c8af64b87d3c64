import { input, InputPort, Operator, operator, output, OutputPort, Pipeline, state, type ParametersOf, type PartitionState } from '@millrace/core';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { note } from './ledger.js';
import { Counted, keyOf, Result, Sent } from './records.js';
import { thisWorker } from './this-worker.js';

/** Sends numbered records until the test says that it is enough, and notes what was acknowledged. */
@operator(import.meta)
class Source extends Operator {
  static override readonly parameters = z.object({ batch: z.int().positive(), pause: z.number().nonnegative(), ledger: z.string() });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Sent) declare readonly records: OutputPort<Sent>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  #life = 0;
  #acknowledged = 0;
  #committing = 0;

  override onInit(): void {
    this.#life = thisWorker.nextLife();
    this.#acknowledged = this.#committing = this.progress.sent;
    thisWorker.initialized();
  }

  override async onRunning(): Promise<boolean> {
    const { batch, pause, ledger } = this.parameters;
    const source = this.context.replica;
    // No step begins before the commit in hand is through.
    if (this.#committing > this.#acknowledged) {
      note(ledger, { source, life: this.#life, from: this.#acknowledged, to: this.#committing });
      this.#acknowledged = this.#committing;
    }
    if (thisWorker.isFinishing) return true;
    const from = this.progress.sent;
    this.progress.sent += batch;
    await this.records.send(Array.from({ length: batch }, (_, i) => ({ source, index: from + i, life: this.#life })), { key: keyOf });
    await sleep(pause);
    return false;
  }

  override onCommit(): void {
    this.#committing = this.progress.sent;
  }
}

/** Counts the records of each key, and sends them on with their count. */
@operator(import.meta)
class Counter extends Operator {
  @input(Sent) declare readonly records: InputPort<Sent>;
  @output(Counted) declare readonly counted: OutputPort<Counted>;
  @state(z.record(z.string(), z.int()).default(() => ({})), { per: 'partition' }) declare counts: PartitionState<Record<string, number>>;

  override onInit(): void {
    thisWorker.initialized();
  }

  override async onRunning(): Promise<void> {
    const counted = this.records.retrieveEntries().map(({ value, partition }) => {
      const counts = this.counts.get(partition);
      const key = keyOf(value);
      const count = (counts[key] ?? 0) + 1;
      counts[key] = count;
      return { ...value, count };
    });
    await this.counted.send(counted, { key: keyOf });
  }
}

/** Writes what comes where the checker reads it. */
@operator(import.meta)
class Sink extends Operator {
  @input(Counted) declare readonly counted: InputPort<Counted>;
  @output(Result) declare readonly results: OutputPort<Result>;

  override onInit(): void {
    thisWorker.initialized();
  }

  override async onRunning(): Promise<void> {
    await this.results.send(this.counted.retrieve(), { key: keyOf });
  }
}

/** What all processes of a crash test have to agree on. */
export interface CrashPipelineOptions {
  readonly name: string;
  readonly delivery: 'at-least-once' | 'exactly-once';
  /** Replicas of each operator. */
  readonly replicas: number;
  readonly partitions: number;
  /** Records that a source sends in a step, and ms that it waits after them. */
  readonly batch: number;
  readonly pause: number;
  /** Ms. */
  readonly commitInterval: number;
  /** Path of the ledger. */
  readonly ledger: string;
  /** Location of the channel that the sink writes into. */
  readonly results: string;
}

/** `source` → `counter` → `sink` → a channel of the test. */
export function crashPipeline({ name, delivery, replicas, partitions, batch, pause, commitInterval, ledger, results }: CrashPipelineOptions): Pipeline {
  const pipeline = new Pipeline(name);
  const options = { replicas, delivery, commitInterval };
  const source = pipeline.add(Source, { batch, pause, ledger }, { name: 'source', ...options });
  const counter = pipeline.add(Counter, {}, { name: 'counter', ...options, ports: { records: { partitions } } });
  const sink = pipeline.add(Sink, {}, { name: 'sink', ...options, ports: { counted: { partitions } } });
  counter.records.connect(source.records);
  sink.counted.connect(counter.counted);
  sink.results.to(results);
  return pipeline;
}

/** The pipeline's own channels, each with the operator that reads it. */
export const CRASH_CHANNELS = ['counter.records', 'sink.counted'] as const;
