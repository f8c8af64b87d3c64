import { ContainerModule, orchestrate, Pipeline, silentLogger, type Run } from 'millrace';
import { Sink, Source } from '../flow/operators.js';
import { Watch } from '../flow/watch.js';
import type { Measured } from '../harness/race.js';
import { startStopwatch } from '../harness/stopwatch.js';
import { bootstrap } from './broker.js';
import { Change, LazyChange, LazySink } from './operators.js';
import { withPipelineName } from './topics.js';

export type Delivery = 'at-least-once' | 'exactly-once';
/** Whether operators read records field by field, or as a whole. */
export type Reads = 'lazy' | 'whole';

/** Records of a `send` of the source. */
const BATCH = 500;

/** Where pipelines have their channels, positions and state. */
export function location(): string {
  return `kafka://${bootstrap()}`;
}

/** Writes the first `records` readings into a topic: from the first step to the commit after all of them. */
export function produce(topic: string, records: number): Promise<Measured> {
  return withPipelineName('produce', (name) => {
    const pipeline = new Pipeline(name);
    pipeline.add(Source, { records, batchSize: BATCH }, { name: 'source' }).readings.to(`${location()}/${topic}?format=avro-bare`);
    return measure(pipeline, new Watch(records));
  });
}

/** Reads a topic to its end, under a new group: from the opened port to the commit after the last record. */
export function consume(topic: string, records: number, { sum, reads = 'whole' }: { readonly sum?: number; readonly reads?: Reads } = {}): Promise<Measured> {
  return withPipelineName('consume', async (name) => {
    const pipeline = new Pipeline(name);
    pipeline.add(reads === 'lazy' ? LazySink : Sink, {}, { name: 'sink' }).readings.from(`${location()}/${topic}?group=${name}&until=end&format=avro-bare`);
    const watch = new Watch(records);
    const measured = await measure(pipeline, watch);
    watch.verify(sum);
    return measured;
  });
}

/** Changes one field of every record of a topic on the way to another: from the opened ports to the commit after the last record. */
export function transform(from: string, to: string, delivery: Delivery, reads: Reads = 'lazy'): Promise<Measured> {
  return withPipelineName('transform', (name) => {
    const pipeline = new Pipeline(name);
    const change = pipeline.add(reads === 'lazy' ? LazyChange : Change, {}, { name: 'change' });
    change.readings.from(`${location()}/${from}?group=${name}&until=end&format=avro-bare`);
    change.changed.to(`${location()}/${to}?format=avro-bare`);
    return measure(pipeline, new Watch(0), delivery);
  });
}

/** From a source to a sink over a channel of their own: from the call of `orchestrate` to the end of the run, the topics being deleted again. */
export function startToFinish(records: number): Promise<Measured> {
  return withPipelineName('pipeline', async (name) => {
    const pipeline = new Pipeline(name);
    const source = pipeline.add(Source, { records, batchSize: BATCH }, { name: 'source' });
    pipeline.add(LazySink, {}, { name: 'sink' }).readings.connect(source.readings);
    const watch = new Watch(records);
    const stop = startStopwatch();
    const run = await begin(pipeline, watch);
    await run.completed;
    const measured = stop();
    watch.verify();
    return measured;
  });
}

/** Runs a pipeline of one operator, and measures while it has work. */
async function measure(pipeline: Pipeline, watch: Watch, delivery: Delivery = 'at-least-once'): Promise<Measured> {
  const run = await begin(pipeline, watch, delivery);
  let stop = startStopwatch();
  let measured: Measured | undefined;
  run.on('stage', (_, to, from) => {
    if (to === 'OperationRunning') stop = startStopwatch();
    else if (from === 'OperationShutdown') measured = stop();
  });
  await run.completed;
  if (measured === undefined) throw new Error(`${pipeline.name} did not run`);
  return measured;
}

async function begin(pipeline: Pipeline, watch: Watch, delivery: Delivery = 'at-least-once'): Promise<Run> {
  const services = new ContainerModule(({ bind }) => void bind(Watch).toConstantValue(watch));
  return await orchestrate(pipeline, { location: location(), services, defaults: { delivery }, logger: silentLogger });
}
