import { inject, input, InputPort, operator, Operator, Pipeline } from 'millrace';
import { Convert } from './convert.js';
import { Printer } from './printer.js';
import { Converted } from './records.js';
import { RateOffice, Till } from './sources.js';

@operator(import.meta, { description: 'Prints what payments are worth.' })
export class Print extends Operator {
  @input(Converted) declare readonly converted: InputPort<Converted>;

  constructor(@inject(Printer) private readonly printer: Printer) {
    super();
  }

  override onRunning() {
    for (const payment of this.converted.retrieve()) this.printer.print(payment);
  }
}

/** Replicas share the payments, and each of them gets all rates. */
export class Payments extends Pipeline {
  readonly rates = this.add(RateOffice, {}, { tick: 100 });
  readonly till = this.add(Till);
  readonly convert = this.add(Convert, {}, { replicas: 3, ports: { rates: { broadcast: true } } });
  readonly print = this.add(Print);

  constructor(name: string) {
    super(name);
    this.convert.rates.connect(this.rates.rates);
    this.convert.payments.connect(this.till.payments);
    this.print.converted.connect(this.convert.converted);
  }
}
