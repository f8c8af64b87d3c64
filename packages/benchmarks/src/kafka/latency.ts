import { ContainerModule, orchestrate, Pipeline, silentLogger } from 'millrace';
import type { Figure } from '../harness/figure.js';
import { median, percentile } from '../harness/statistics.js';
import { Delays, PacedSink, PacedSource } from './paced.js';
import { location, type Delivery } from './runs.js';
import { withPipelineName } from './topics.js';

const PER_SECOND = 10_000;
const SECONDS = 10;
const ROUNDS = 5;
/** Commits under exactly-once: readers see records after one. */
const COMMIT_INTERVAL = 20;

/** From one operator through a channel to another, from the time when a record was due to be sent: the medians of the rounds. */
export async function latency(): Promise<readonly Figure[]> {
  const p50 = { 'at-least-once': [] as number[], 'exactly-once': [] as number[] };
  const p99 = { 'at-least-once': [] as number[], 'exactly-once': [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      const delays = await measureDelays(delivery);
      p50[delivery].push(percentile(delays, 0.5));
      p99[delivery].push(percentile(delays, 0.99));
    }
  }
  return [
    { bench: 'kafka/latency-p50', value: median(p50['at-least-once']), unit: 'ms', target: { at: 'most', value: 5 } },
    { bench: 'kafka/latency-p99', value: median(p99['at-least-once']), unit: 'ms', target: { at: 'most', value: 20 } },
    { bench: 'kafka/latency-exactly-once-p50', value: median(p50['exactly-once']), unit: 'ms' },
    { bench: 'kafka/latency-exactly-once-p99', value: median(p99['exactly-once']), unit: 'ms' },
  ];
}

function measureDelays(delivery: Delivery): Promise<readonly number[]> {
  return withPipelineName('latency', async (name) => {
    const pipeline = new Pipeline(name);
    const source = pipeline.add(PacedSource, { records: PER_SECOND * SECONDS }, { name: 'source' });
    // One partition, so that records come in the order in which they were due.
    pipeline.add(PacedSink, {}, { name: 'sink' }).readings.connect(source.readings);
    const delays = new Delays(PER_SECOND);
    const services = new ContainerModule(({ bind }) => void bind(Delays).toConstantValue(delays));
    const commitInterval = delivery === 'exactly-once' ? { commitInterval: COMMIT_INTERVAL } : {};
    const run = await orchestrate(pipeline, { location: location(), services, defaults: { delivery, ...commitInterval }, logger: silentLogger });
    await run.completed;
    return delays.counted;
  });
}
