import { avro, input, InputPort, operator, Operator, output, OutputPort, Pipeline, state, type ParametersOf, type RecordOf } from 'millrace';
import { z } from 'zod';

export const Num = avro(z.object({ n: z.int() }).meta({ id: 'example.Num' }));
export type Num = RecordOf<typeof Num>;
export const Total = avro(z.object({ count: z.int(), sum: z.number() }).meta({ id: 'example.Total' }));
export type Total = RecordOf<typeof Total>;

@operator(import.meta, { description: 'Counts.' })
export class Count extends Operator {
  static override readonly parameters = z.object({ to: z.int().positive() });
  declare readonly parameters: ParametersOf<typeof Count>;
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ n: z.int().default(0) })) declare progress: { n: number };

  override async onRunning() {
    const from = this.progress.n;
    const batch = Array.from({ length: Math.min(100, this.parameters.to - from) }, (_, i) => ({ n: from + i + 1 }));
    await this.numbers.send(batch);
    this.progress.n += batch.length;
    return this.progress.n === this.parameters.to;
  }
}

@operator(import.meta, { description: 'Adds up: a number that was lost or came twice would be seen.' })
export class Sum extends Operator {
  @input(Num) declare readonly numbers: InputPort<Num>;
  @output(Total) declare readonly totals: OutputPort<Total>;
  @state(z.object({ count: z.int().default(0), sum: z.number().default(0) })) declare total: Total;

  override async onRunning() {
    const numbers = this.numbers.retrieve();
    if (numbers.length === 0) return;
    for (const { n } of numbers) {
      this.total.count++;
      this.total.sum += n;
    }
    await this.totals.send([{ ...this.total }]);
  }
}

@operator(import.meta, { description: 'Prints.' })
export class Print extends Operator {
  @input(Total) declare readonly totals: InputPort<Total>;

  override onRunning() {
    for (const { count, sum } of this.totals.retrieve()) console.log(`${count} numbers, sum ${sum}`);
  }
}

export class Sums extends Pipeline {
  constructor(to: number) {
    super('sums');
    const count = this.add(Count, { to }, { name: 'count' });
    const sum = this.add(Sum, {}, { name: 'sum' });
    const print = this.add(Print, {}, { name: 'print' });
    sum.numbers.connect(count.numbers);
    print.totals.connect(sum.totals);
  }
}
