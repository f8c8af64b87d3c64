/** What the tests of a live rescale run: a source that they lead, and an operator with state per partition. */
import { input, InputPort, Operator, operator, output, OutputPort, Pipeline, state, type AddOptions, type EndReason, type PartitionState } from '@millrace/core';
import { inject } from 'inversify';
import { z } from 'zod';
import { Num, Probe, range, Tap } from '../fixtures.js';

export const PARTITIONS = 6;
const BATCH = 5;

/** How far sources send, and where they are done; `fails`: the next step throws. */
export const flow = { to: 0, last: Infinity, fails: false };

/** Sends number n to partition n mod 6, some a step. */
@operator(import.meta)
export class Fountain extends Operator {
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };
  override async onRunning() {
    if (flow.fails) {
      flow.fails = false;
      throw new Error('the source fails');
    }
    for (let i = 0; i < BATCH && this.progress.sent < flow.to; i++) {
      const n = this.progress.sent++;
      await this.numbers.send([{ n }], { partition: n % PARTITIONS });
    }
    return this.progress.sent === flow.last;
  }
}

/** Passes on what it reads, and keeps it by partition in its state. */
@operator(import.meta)
export class Keeper extends Operator {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @output(Num) declare readonly passed: OutputPort<Num>;
  @state(z.object({ seen: z.array(z.int()).default([]) }), { per: 'partition' }) declare readonly kept: PartitionState<{ seen: number[] }>;
  constructor(@inject(Probe) private readonly probe: Probe) {
    super();
  }
  override async onRunning() {
    const values: Num[] = [];
    for (const { value, partition } of this.numbers.retrieveEntries()) {
      this.kept.get(partition).seen.push(value.n);
      values.push(value);
    }
    const result = await this.probe.call('keeper', this.context.replica, 'onRunning', ...values.map(({ n }) => n));
    await this.passed.send(values, { key: ({ n }) => String(n % PARTITIONS) });
    return result as boolean | undefined;
  }
  override onInterrupt(signal: string) {
    this.probe.call('keeper', this.context.replica, 'onInterrupt', signal);
  }
  override onShutdown(reason: EndReason) {
    this.probe.call('keeper', this.context.replica, 'onShutdown', reason);
    for (const partition of this.kept.partitions) this.probe.kept.set(`${partition}`, [...this.kept.get(partition).seen]);
  }
}

/** `source` → `keeper` → `tap`, in a pipeline `p`. */
export function keepers(replicas: number, options: AddOptions<Keeper> = {}): Pipeline {
  const pipeline = new Pipeline('p');
  const source = pipeline.add(Fountain, {}, { name: 'source' });
  const keeper = pipeline.add(Keeper, {}, { name: 'keeper', replicas, ports: { numbers: { partitions: PARTITIONS } }, ...options });
  const tap = pipeline.add(Tap, {}, { name: 'tap' });
  keeper.numbers.connect(source.numbers);
  tap.numbers.connect(keeper.passed);
  return pipeline;
}

export const byPartition = (numbers: readonly number[]): ReadonlyMap<string, readonly number[]> => new Map(range(PARTITIONS).map((partition) => [`${partition}`, numbers.filter((n) => n % PARTITIONS === partition)]));
