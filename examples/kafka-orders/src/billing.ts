import { avro, input, InputPort, operator, Operator, output, OutputPort, Pipeline, type RecordOf } from 'millrace';
import { z } from 'zod';

export const Order = avro(z.object({ id: z.string(), customer: z.string(), cents: z.int(), quantity: z.int().default(1) }).meta({ id: 'com.acme.Order' }));
export type Order = RecordOf<typeof Order>;

export const Bill = avro(z.object({ order: z.string(), customer: z.string(), cents: z.int() }).meta({ id: 'com.acme.Bill' }));
export type Bill = RecordOf<typeof Bill>;

@operator(import.meta, { description: 'Writes a bill for each order.' })
export class Billing extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Bill) declare readonly bills: OutputPort<Bill>;

  override async onRunning() {
    const bills = this.orders.retrieve().map(({ id, customer, cents, quantity }) => ({ order: id, customer, cents: cents * quantity }));
    await this.bills.send(bills, { key: ({ customer }) => customer });
  }
}

/** From one topic to another; both belong to others, so their addresses say in which format the records are. */
export class Orders extends Pipeline {
  readonly billing = this.add(Billing, {}, { ports: { orders: { onError: 'skip' } } });

  constructor(name: string, addresses: { readonly orders: string; readonly bills: string }) {
    super(name);
    this.billing.orders.from(addresses.orders);
    this.billing.bills.to(addresses.bills);
  }
}
