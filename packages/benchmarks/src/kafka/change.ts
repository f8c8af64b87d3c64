import { input, InputPort, Operator, operator, output, OutputPort } from 'millrace';
import { Reading } from '../flow/records.js';

/** Passes on what it gets, with one field changed. */
@operator(import.meta)
export class Change extends Operator {
  @input(Reading) declare readonly readings: InputPort<Reading>;
  @output(Reading) declare readonly changed: OutputPort<Reading>;

  override onRunning(): void {
    void this.changed.send(this.readings.retrieve().map(({ text, n }) => ({ text, n: n + 1 })));
  }
}
