import { inject, input, InputPort, Operator, operator, output, OutputPort, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { makeReadings, Reading } from './records.js';
import { Watch } from './watch.js';

/** Sends so many readings in batches. */
@operator(import.meta)
export class Source extends Operator {
  static override readonly parameters = z.object({ records: z.int().positive(), batchSize: z.int().positive() });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Reading) declare readonly readings: OutputPort<Reading>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  constructor(@inject(Watch) private readonly watch: Watch) {
    super();
  }

  /** The runtime waits at the end of a step for what it sent, so the step need not. */
  override onRunning(): boolean {
    const { records, batchSize } = this.parameters;
    const { sent } = this.progress;
    this.watch.start();
    const batch = makeReadings(sent, Math.min(batchSize, records - sent));
    void this.readings.send(batch);
    this.progress.sent += batch.length;
    return this.progress.sent === records;
  }
}

/** Passes on what it gets. */
@operator(import.meta)
export class Relay extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;
  @output(Reading) declare readonly passed: OutputPort<Reading>;

  override onRunning(): void {
    void this.passed.send(this.readings.retrieve());
  }
}

/** Adds up what it gets. */
@operator(import.meta)
export class Sink extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;

  constructor(@inject(Watch) private readonly watch: Watch) {
    super();
  }

  override onRunning(): void {
    this.watch.receive(this.readings.retrieve());
  }
}
