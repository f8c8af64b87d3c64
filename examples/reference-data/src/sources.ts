import { operator, Operator, output, OutputPort, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { paymentOf, ratesOf } from './made-up.js';
import { Payment, Rates } from './records.js';

const days = z.object({ days: z.int().positive().default(10) });

@operator(import.meta, { description: 'Publishes the rates of another day with each tick.' })
export class RateOffice extends Operator {
  static override readonly parameters = days;
  declare readonly parameters: ParametersOf<typeof RateOffice>;
  @output(Rates) declare readonly rates: OutputPort<Rates>;
  @state(z.object({ published: z.int().default(0) })) declare progress: { published: number };

  override async onTick() {
    if (this.progress.published < this.parameters.days) await this.rates.send([ratesOf(this.progress.published++)]);
  }

  override onRunning() {
    return this.progress.published === this.parameters.days;
  }
}

@operator(import.meta, { description: 'Makes up the payments of some days, all at once.' })
export class Till extends Operator {
  static override readonly parameters = days;
  declare readonly parameters: ParametersOf<typeof Till>;
  @output(Payment) declare readonly payments: OutputPort<Payment>;

  override async onRunning() {
    const payments = Array.from({ length: 5 * this.parameters.days }, (_, i) => paymentOf(i));
    await this.payments.send(payments, { key: ({ account }) => account });
    return true;
  }
}
