import { avro, dropMemorySpace, input, InputPort, Operator, operator, output, OutputPort, Pipeline, silentLogger, state, type ParametersOf, type RecordOf } from '@millrace/core';
import { ContainerModule, inject } from 'inversify';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { orchestrate } from './index.js';

const Greeting = avro(z.object({ text: z.string() }).meta({ id: 'Greeting' }));
type Greeting = RecordOf<typeof Greeting>;

class Printer {
  readonly lines: string[] = [];
  print(line: string): void {
    this.lines.push(line);
  }
}

@operator(import.meta, { description: 'Sends greetings.' })
class Writer extends Operator {
  static override readonly parameters = z.object({ recordCount: z.int().positive(), batchSize: z.int().positive().default(7) });
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

@operator(import.meta)
class Reader extends Operator {
  @input(Greeting) declare readonly greetings: InputPort<Greeting>;
  constructor(@inject(Printer) private readonly printer: Printer) {
    super();
  }
  override onRunning() {
    for (const { text } of this.greetings.retrieve()) this.printer.print(text);
  }
}

class Hello extends Pipeline {
  readonly writer = this.add(Writer, { recordCount: 30 });
  readonly reader = this.add(Reader, {}, { replicas: 3 });
  constructor(name: string) {
    super(name);
    this.reader.greetings.connect(this.writer.greetings);
  }
}

afterEach(() => dropMemorySpace('hello'));

it.each(['at-least-once', 'exactly-once'] as const)('runs the pipeline of the design, %s', async (delivery) => {
  const printer = new Printer();
  const services = new ContainerModule(({ bind }) => void bind(Printer).toConstantValue(printer));
  const run = await orchestrate(new Hello('hello'), { location: 'memory:hello', services, logger: silentLogger, defaults: { delivery } });
  const result = await run.completed;
  expect(result.outcome).toBe('done');
  expect(printer.lines.sort()).toEqual(Array.from({ length: 30 }, (_, i) => `hello ${i}`).sort());
});

it('does not pass values by reference between schemas that write the same bytes for other values', async () => {
  const Left = avro(z.object({ note: z.string().optional() }).meta({ id: 'Note' }));
  const Right = avro(z.object({ note: z.string().nullable() }).meta({ id: 'Note' }));
  expect(Left.fingerprint).toBe(Right.fingerprint);
  const seen: unknown[] = [];
  @operator()
  class Source extends Operator {
    @output(Left) declare readonly out: OutputPort<RecordOf<typeof Left>>;
    override onRunning() {
      void this.out.send([{ note: undefined }, { note: 'x' }]);
      return true;
    }
  }
  @operator()
  class Sink extends Operator {
    @input(Right) declare readonly in: InputPort<RecordOf<typeof Right>>;
    override onRunning() {
      seen.push(...this.in.retrieve());
    }
  }
  const pipeline = new Pipeline('hello');
  const source = pipeline.add(Source, {}, { name: 'source' });
  // As from YAML, where no compiler looks.
  pipeline.add(Sink, {}, { name: 'sink' }).in.connect(source.out as never);
  await (await orchestrate(pipeline, { location: 'memory:hello', logger: silentLogger })).completed;
  expect(seen).toEqual([{ note: null }, { note: 'x' }]);
});
