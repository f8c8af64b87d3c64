import { dropMemorySpace, input, InputPort, Operator, operator, orchestrate, output, OutputPort, Pipeline, silentLogger, type PlacementKind, type PlacementOptions, type Run } from 'millrace';
import { SPACE } from '../flow/flow.js';
import { Reading } from '../flow/records.js';

/** Never has anything to send. */
@operator(import.meta)
export class IdleSource extends Operator {
  @output(Reading) declare readonly readings: OutputPort<Reading>;

  override onRunning(): void {}
}

/** Never gets anything. */
@operator(import.meta)
export class IdleSink extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;

  override onRunning(): void {
    this.readings.retrieve();
  }
}

export interface IdleOptions {
  /** Default: the memory of the process. */
  readonly location?: string;
  /** Default: here. */
  readonly placement?: PlacementKind | PlacementOptions;
}

/** Starts that many replicas, half of them sources and half of them sinks, that have nothing to do. Resolves when all run at once. */
export async function startIdle(replicas: number, { location = `memory:${SPACE}`, placement = 'inline' }: IdleOptions = {}): Promise<Run> {
  const pipeline = new Pipeline('benchmark');
  const source = pipeline.add(IdleSource, {}, { name: 'source', replicas: replicas / 2 });
  const sink = pipeline.add(IdleSink, {}, { name: 'sink', replicas: replicas / 2 });
  sink.readings.connect(source.readings);
  const run = await orchestrate(pipeline, { location, logger: silentLogger, defaults: { placement } });
  const running = new Set<string>();
  const complete = new Promise<void>((resolve) => {
    run.on('stage', (replica, stage) => {
      if (stage === 'OperationRunning' && running.add(replica).size === replicas) resolve();
    });
  });
  await Promise.race([complete, run.completed]);
  return run;
}

/** Stops what {@link startIdle} started. */
export async function stopIdle(run: Run): Promise<void> {
  await run.stop();
  dropMemorySpace(SPACE);
}
