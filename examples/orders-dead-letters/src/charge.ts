import { input, InputPort, operator, Operator, output, OutputPort, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { Order, Receipt } from './records.js';

@operator(import.meta, { description: 'Charges orders in euro.' })
export class Charge extends Operator {
  static override readonly parameters = z.object({ rates: z.record(z.string(), z.number().positive()).describe('Euro for one of each currency.') });
  declare readonly parameters: ParametersOf<typeof Charge>;
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Receipt) declare readonly receipts: OutputPort<Receipt>;

  override async onRunning() {
    await this.receipts.send(this.orders.retrieve().map((order) => this.#charge(order)), { key: ({ customer }) => customer });
  }

  #charge({ id, customer, amount, currency }: Order): Receipt {
    const rate = this.parameters.rates[currency];
    if (rate === undefined) throw new Error(`there is no rate for ${currency}`);
    return { order: id, customer, cents: Math.round(amount * rate) };
  }
}
