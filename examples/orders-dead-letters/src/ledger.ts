import { inject, input, InputPort, operator, Operator } from 'millrace';
import { Receipt, type Order } from './records.js';

/** Where receipts end up, and what orders had to wait for. */
export class Ledger {
  reopen({ id, customer }: Order, cause: string): void {
    console.log(`${id}: ${customer} has waited, since ${cause}`);
  }

  enter({ order, customer, cents }: Receipt): void {
    console.log(`${order}: ${customer} paid ${(cents / 100).toFixed(2)} EUR`);
  }
}

@operator(import.meta, { description: 'Enters receipts in the ledger.' })
export class Bookkeeping extends Operator {
  @input(Receipt) declare readonly receipts: InputPort<Receipt>;

  constructor(@inject(Ledger) private readonly ledger: Ledger) {
    super();
  }

  override onRunning() {
    for (const receipt of this.receipts.retrieve()) this.ledger.enter(receipt);
  }
}
