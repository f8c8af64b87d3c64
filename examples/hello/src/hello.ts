import { avro, inject, input, InputPort, operator, Operator, output, OutputPort, Pipeline, state, type ParametersOf, type RecordOf } from 'millrace';
import { z } from 'zod';
import { Printer } from './printer.js';

export const Greeting = avro(z.object({ text: z.string() }).meta({ id: 'com.acme.Greeting' }));
export type Greeting = RecordOf<typeof Greeting>;

@operator(import.meta, { description: 'Sends greetings.' })
export class Writer extends Operator {
  static override readonly parameters = z.object({ recordCount: z.int().positive(), batchSize: z.int().positive().default(500) });
  declare readonly parameters: ParametersOf<typeof Writer>;
  @output(Greeting) declare readonly greetings: OutputPort<Greeting>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  override async onRunning() {
    const { recordCount, batchSize } = this.parameters;
    const from = this.progress.sent;
    const batch = Array.from({ length: Math.min(batchSize, recordCount - from) }, (_, i) => ({ text: `hello ${from + i}` }));
    await this.greetings.send(batch);
    this.progress.sent += batch.length;
    return this.progress.sent === recordCount;
  }
}

@operator(import.meta, { description: 'Prints greetings.' })
export class Reader extends Operator {
  @input(Greeting) declare readonly greetings: InputPort<Greeting>;

  constructor(@inject(Printer) private readonly printer: Printer) {
    super();
  }

  override onRunning() {
    for (const { text } of this.greetings.retrieve()) this.printer.print(text);
  }
}

export class Hello extends Pipeline {
  readonly writer = this.add(Writer, { recordCount: 30 });
  readonly reader = this.add(Reader, {}, { replicas: 3 });

  constructor(name: string) {
    super(name);
    this.reader.greetings.connect(this.writer.greetings);
  }
}
