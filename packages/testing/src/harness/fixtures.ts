import { avro, input, InputPort, operator, Operator, output, OutputPort, state, type EndReason, type ParametersOf, type RecordOf } from '@millrace/core';
import { z } from 'zod';

export const Order = avro(z.object({ id: z.string(), total: z.number() }).meta({ id: 'Order' }));
export type Order = RecordOf<typeof Order>;
export const Bill = avro(z.object({ id: z.string(), sum: z.number() }).meta({ id: 'Bill' }));
export type Bill = RecordOf<typeof Bill>;

export function order(id: string, total = 1): Order {
  return { id, total };
}

/** Closes at the end of each test what was passed to what it returns. Takes vitest's `afterEach`. */
export function closer(afterEach: (hook: () => Promise<void>) => void): <C extends { close(): Promise<void> }>(closable: C) => C {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const closable of open.splice(0)) await closable.close();
  });
  return (closable) => {
    open.push(closable);
    return closable;
  };
}

/** Adds orders up, and tells of every hook that it was called. */
@operator(import.meta)
export class Billing extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Bill) declare readonly bills: OutputPort<Bill>;
  @state(z.object({ sum: z.number().default(0) })) declare book: { sum: number };
  readonly calls: string[] = [];
  override onInit() {
    this.calls.push('onInit');
  }
  override async onRunning() {
    this.calls.push('onRunning');
    for (const { id, total } of this.orders.retrieve()) {
      this.book.sum += total;
      await this.bills.send([{ id, sum: this.book.sum }]);
    }
  }
  override onTick() {
    this.calls.push('onTick');
  }
  override onCommit() {
    this.calls.push('onCommit');
  }
  override onShutdown(reason: EndReason) {
    this.calls.push(`onShutdown ${reason}`);
  }
}

/** The same with a loop. */
@operator(import.meta)
export class Looping extends Operator {
  @input(Order) declare readonly orders: InputPort<Order>;
  @output(Bill) declare readonly bills: OutputPort<Bill>;
  @state(z.object({ sum: z.number().default(0) })) declare book: { sum: number };
  override async onRunning() {
    for await (const batch of this.orders) {
      for (const { id, total } of batch) {
        this.book.sum += total;
        await this.bills.send([{ id, sum: this.book.sum }]);
      }
    }
  }
}

/** A source that counts up to a limit. */
@operator(import.meta)
export class Counting extends Operator {
  static override readonly parameters = z.object({ count: z.int(), perStep: z.int().default(1), pauses: z.boolean().default(false) });
  declare readonly parameters: ParametersOf<typeof Counting>;
  @output(Bill) declare readonly bills: OutputPort<Bill>;
  @state(z.object({ next: z.int().default(0) })) declare progress: { next: number };
  calls = 0;
  override async onRunning() {
    this.calls++;
    if (this.parameters.pauses && this.calls % 2 === 0) return false;
    const { next } = this.progress;
    await this.bills.send(Array.from({ length: this.parameters.perStep }, (_, i) => ({ id: `${next + i}`, sum: next + i })));
    this.progress.next += this.parameters.perStep;
    return this.progress.next >= this.parameters.count;
  }
}
