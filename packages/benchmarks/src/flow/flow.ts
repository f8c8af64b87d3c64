import { ContainerModule, dropMemorySpace, orchestrate, Pipeline, silentLogger, type Run } from 'millrace';
import { Relay, Sink, Source } from './operators.js';
import { Watch } from './watch.js';

export interface FlowOptions {
  readonly batchSize: number;
  /** The check of values at `send`. Default: none, as the peers have none. */
  readonly validate?: 'structure' | false;
  /** Whether a relay stands between source and sink. Default false. */
  readonly relay?: boolean;
  readonly delivery?: 'at-least-once' | 'exactly-once';
  /** Whether the memory channels carry encoded records. Default false. */
  readonly wire?: boolean;
  /** Default: the memory of the process. */
  readonly location?: string;
}

/** A memory space that is gone afterwards. */
export const SPACE = 'benchmark';

/** From `source` to `sink`, over `relay` where there is to be one. */
export function flowPipeline({ records, batchSize, relay }: { readonly records: number; readonly batchSize: number; readonly relay: boolean }): Pipeline {
  const pipeline = new Pipeline('benchmark');
  const source = pipeline.add(Source, { records, batchSize }, { name: 'source' });
  const sink = pipeline.add(Sink, {}, { name: 'sink' });
  if (relay) {
    const middle = pipeline.add(Relay, {}, { name: 'relay' });
    middle.readings.connect(source.readings);
    sink.readings.connect(middle.passed);
  } else {
    sink.readings.connect(source.readings);
  }
  return pipeline;
}

/**
 * The run before. V8 forgets the hidden classes of objects that are gone, and what is compiled with them: a program whose pipelines come and
 * go without overlap is slower by half, by chance of its collections. The rounds are to measure a pipeline that goes on.
 */
const before: Run[] = [];

/** Runs a pipeline from a source to a sink to its end. @throws Error where the sink got other records than were sent */
export async function runFlow({ batchSize, validate = false, relay = false, delivery = 'at-least-once', wire = false, location = `memory:${SPACE}${wire ? '?wire' : ''}` }: FlowOptions, watch: Watch): Promise<void> {
  const pipeline = flowPipeline({ records: watch.records, batchSize, relay });
  const services = new ContainerModule(({ bind }) => void bind(Watch).toConstantValue(watch));
  try {
    const run = await orchestrate(pipeline, { location, services, logger: silentLogger, defaults: { delivery, ports: { validate } } });
    await run.completed;
    before[0] = run;
  } finally {
    dropMemorySpace(SPACE);
  }
  watch.verify();
}
