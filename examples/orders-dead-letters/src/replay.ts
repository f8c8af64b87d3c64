import { DeadLetter, inject, input, InputPort, operator, Operator, output, OutputPort, Pipeline } from 'millrace';
import { Charge } from './charge.js';
import { Bookkeeping, Ledger } from './ledger.js';
import type { Rates } from './orders.js';
import { Order } from './records.js';

@operator(import.meta, { description: 'Says what went wrong, and sends the orders once more.' })
export class Reopen extends Operator {
  @input(DeadLetter) declare readonly letters: InputPort<DeadLetter>;
  @output(Order) declare readonly orders: OutputPort<Order>;

  constructor(@inject(Ledger) private readonly ledger: Ledger) {
    super();
  }

  override async onRunning() {
    // A letter has the bytes of the record, in the encoding of the port that gave it up.
    const decoder = Order.decoder(Order);
    const orders = this.letters.retrieve().map(({ value, cause }) => {
      const order = decoder.decode(value!, 0, value!.length);
      this.ledger.reopen(order, cause.message);
      return order;
    });
    await this.orders.send(orders, { key: ({ customer }) => customer });
  }
}

/** Charges what became a dead letter. What cannot be charged even so becomes one again, in a channel of this pipeline. */
export class Replay extends Pipeline {
  readonly reopen = this.add(Reopen);
  readonly charge;
  readonly bookkeeping = this.add(Bookkeeping);

  constructor(name: string, letters: string, rates: Rates) {
    super(name);
    this.charge = this.add(Charge, { rates }, { ports: { orders: { onError: 'deadLetter' } } });
    this.reopen.letters.from(letters);
    this.charge.orders.connect(this.reopen.orders);
    this.bookkeeping.receipts.connect(this.charge.receipts);
  }
}

/** The address of the dead letters of a pipeline's `charge.orders`, all that there are: each backend names a channel in its own way. */
export function lettersOf(pipeline: string, location: string, group: string): string {
  const channel = `${pipeline}.charge.orders.deadLetters`;
  return `${location}${location.startsWith('local:') ? `?channel=${channel}&` : `/${channel}?`}group=${group}&until=end`;
}
