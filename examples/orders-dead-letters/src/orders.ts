import { operator, Operator, output, OutputPort, Pipeline, state, type ParametersOf } from 'millrace';
import { z } from 'zod';
import { Charge } from './charge.js';
import { Bookkeeping } from './ledger.js';
import { Order } from './records.js';

const CURRENCIES = ['EUR', 'USD', 'EUR', 'CHF', 'EUR'];

export function madeUpOrder(i: number): Order {
  return { id: `order-${i}`, customer: `customer-${i % 4}`, amount: 1_000 + 37 * i, currency: CURRENCIES[i % CURRENCIES.length]! };
}

@operator(import.meta, { description: 'Makes up orders.' })
export class Shop extends Operator {
  static override readonly parameters = z.object({ orders: z.int().positive(), batchSize: z.int().positive().default(10) });
  declare readonly parameters: ParametersOf<typeof Shop>;
  @output(Order) declare readonly orders: OutputPort<Order>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  override async onRunning() {
    const { orders, batchSize } = this.parameters;
    const { sent } = this.progress;
    const batch = Array.from({ length: Math.min(batchSize, orders - sent) }, (_, i) => madeUpOrder(sent + i));
    await this.orders.send(batch, { key: ({ customer }) => customer });
    this.progress.sent += batch.length;
    return this.progress.sent === orders;
  }
}

/** Euro for one of each currency. */
export type Rates = Readonly<Record<string, number>>;

/** Charges orders. Nobody in here reads the dead letters, so they stay, also when the run is done. */
export class Orders extends Pipeline {
  readonly shop = this.add(Shop, { orders: 20 });
  readonly charge;
  readonly bookkeeping = this.add(Bookkeeping);

  constructor(name: string, rates: Rates) {
    super(name);
    this.charge = this.add(Charge, { rates }, { ports: { orders: { onError: 'deadLetter' } } });
    this.charge.orders.connect(this.shop.orders);
    this.bookkeeping.receipts.connect(this.charge.receipts);
  }
}
