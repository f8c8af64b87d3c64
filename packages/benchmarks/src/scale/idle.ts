import { ContainerModule, dropMemorySpace, inject, input, InputPort, Operator, operator, orchestrate, output, OutputPort, Pipeline, silentLogger, type Run } from 'millrace';
import { SPACE } from '../flow/flow.js';
import { Reading } from '../flow/records.js';

/** Counts the replicas that are open. */
class Roster {
  readonly complete: Promise<void>;
  #missing: number;
  #resolve: () => void = () => {};

  constructor(replicas: number) {
    this.#missing = replicas;
    this.complete = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  enter(): void {
    if (--this.#missing === 0) this.#resolve();
  }
}

/** Never has anything to send. */
@operator(import.meta)
class IdleSource extends Operator {
  @output(Reading) declare readonly readings: OutputPort<Reading>;

  constructor(@inject(Roster) private readonly roster: Roster) {
    super();
  }

  override onInit(): void {
    this.roster.enter();
  }

  override onRunning(): void {}
}

/** Never gets anything. */
@operator(import.meta)
class IdleSink extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;

  constructor(@inject(Roster) private readonly roster: Roster) {
    super();
  }

  override onInit(): void {
    this.roster.enter();
  }

  override onRunning(): void {
    this.readings.retrieve();
  }
}

/** Starts that many replicas, half of them sources and half of them sinks, that have nothing to do. Resolves when all are open. */
export async function startIdle(replicas: number): Promise<Run> {
  const pipeline = new Pipeline('benchmark');
  const source = pipeline.add(IdleSource, {}, { name: 'source', replicas: replicas / 2 });
  const sink = pipeline.add(IdleSink, {}, { name: 'sink', replicas: replicas / 2 });
  sink.readings.connect(source.readings);
  const roster = new Roster(replicas);
  const services = new ContainerModule(({ bind }) => void bind(Roster).toConstantValue(roster));
  const run = await orchestrate(pipeline, { location: `memory:${SPACE}`, services, logger: silentLogger });
  await Promise.race([roster.complete, run.completed]);
  return run;
}

/** Stops what {@link startIdle} started. */
export async function stopIdle(run: Run): Promise<void> {
  await run.stop();
  dropMemorySpace(SPACE);
}
