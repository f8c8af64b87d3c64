import { inject, input, InputPort, lazy, Operator, operator, output, OutputPort, type LazyRecord } from 'millrace';
import { Reading } from '../flow/records.js';
import { Watch } from '../flow/watch.js';

const LazyReading = lazy(Reading);

/** Adds up what it gets, of which it needs the number alone. */
@operator(import.meta)
export class LazySink extends Operator {
  @input(LazyReading) declare readonly readings: InputPort<LazyRecord<Reading>>;

  constructor(@inject(Watch) private readonly watch: Watch) {
    super();
  }

  override onRunning(): void {
    const readings = this.readings.retrieve();
    let sum = 0;
    for (const reading of readings) sum += reading.get('n');
    this.watch.add(readings.length, sum);
  }
}

/** Passes on what it gets, with one field changed. */
@operator(import.meta)
export class LazyChange extends Operator {
  @input(LazyReading) declare readonly readings: InputPort<LazyRecord<Reading>>;
  @output(LazyReading) declare readonly changed: OutputPort<LazyRecord<Reading>>;

  override onRunning(): void {
    void this.changed.send(this.readings.retrieve().map((reading) => reading.with({ n: reading.get('n') + 1 })));
  }
}

/** The same with records that are read and written as a whole. */
@operator(import.meta)
export class Change extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;
  @output(Reading) declare readonly changed: OutputPort<Reading>;

  override onRunning(): void {
    void this.changed.send(this.readings.retrieve().map(({ text, n }) => ({ text, n: n + 1 })));
  }
}
