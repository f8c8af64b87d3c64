import { avro, input, InputPort, operator, Operator, orchestrate, output, OutputPort, Pipeline } from 'millrace';
import { z } from 'zod';

const RECORDS = 30;

const Greeting = avro(z.object({ text: z.string() }).meta({ id: 'com.acme.Greeting' }));

@operator(import.meta)
class Writer extends Operator {
  @output(Greeting) declare readonly greetings: OutputPort<{ text: string }>;

  override async onRunning(): Promise<boolean> {
    await this.greetings.send(Array.from({ length: RECORDS }, (_, i) => ({ text: `hello ${i}` })));
    return true;
  }
}

@operator(import.meta)
class Reader extends Operator {
  @input(Greeting) declare readonly greetings: InputPort<{ text: string }>;

  override onRunning(): void {
    for (const { text } of this.greetings.retrieve()) console.log(text);
  }
}

class Hello extends Pipeline {
  readonly writer = this.add(Writer, {});
  readonly reader = this.add(Reader, {});

  constructor(name: string) {
    super(name);
    this.reader.greetings.connect(this.writer.greetings);
  }
}

const [name = 'hello', location = 'memory:'] = process.argv.slice(2);
const run = await orchestrate(new Hello(name), { location });
await run.completed;
