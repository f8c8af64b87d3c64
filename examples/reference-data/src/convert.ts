import { input, InputPort, operator, Operator, output, OutputPort, state, type Entry } from 'millrace';
import { z } from 'zod';
import { Converted, euroBy, Payment, Rates } from './records.js';

@operator(import.meta, { description: 'Converts payments into euro, by the rates of their day.' })
export class Convert extends Operator {
  @input(Payment) declare readonly payments: InputPort<Payment>;
  @input(Rates) declare readonly rates: InputPort<Rates>;
  @output(Converted) declare readonly converted: OutputPort<Converted>;
  /** The whole table, in each replica. Committed with the positions: what was read of the rates is not read again. */
  @state(z.object({ euroByDay: z.record(z.string(), euroBy).default({}) })) declare table: { euroByDay: Record<string, Record<string, number>> };
  /** Payments that were read, and whose day is not there yet. */
  #waiting: readonly Entry<Payment>[] = [];

  override async onRunning() {
    for (const { day, euro } of this.rates.retrieve()) this.table.euroByDay[day] = euro;
    // While some wait no others are read: they stay in the channel, and whoever sends them waits once it is full.
    if (this.#waiting.length === 0) this.#waiting = this.payments.retrieveEntries();

    const firstUnknown = this.#waiting.findIndex(({ value }) => this.table.euroByDay[value.day] === undefined);
    const ready = firstUnknown === -1 ? this.#waiting : this.#waiting.slice(0, firstUnknown);
    this.#waiting = this.#waiting.slice(ready.length);
    await this.converted.send(ready.map(({ value }) => this.#convert(value)), { key: ({ account }) => account });

    // A commit must not cover payments that wait: after a restart they come again.
    for (const partition of this.payments.partitions) {
      this.payments.retainFrom(partition, Math.min(...this.#waiting.filter((entry) => entry.partition === partition).map(({ offset }) => offset)));
    }
    if (this.rates.ended && this.#waiting[0] !== undefined) throw new Error(`there are no rates for ${this.#waiting[0].value.day}`);
  }

  #convert({ id, account, day, amount, currency }: Payment): Converted {
    const rate = this.table.euroByDay[day]![currency];
    if (rate === undefined) throw new Error(`there is no rate for ${currency} on ${day}`);
    return { id, account, cents: Math.round(amount * rate) };
  }
}
