/** What must not compile in a pipeline, and what must. Checked by the type check of the repository. */
import { expectTypeOf } from 'vitest';
import { z } from 'zod';
import { avro, lazy, type LazyRecord, type RecordOf } from '../codec/index.js';
import { input, operator, Operator, output, type ParametersOf } from '../operator/index.js';
import type { Plan } from '../plan/index.js';
import { DeadLetter, InputPort, OutputPort } from '../port/index.js';
import { Pipeline, type InputRef, type OutputRef } from './index.js';

const Greeting = avro(z.object({ text: z.string() }).meta({ id: 'Greeting' }));
type Greeting = RecordOf<typeof Greeting>;
const Wide = avro(z.object({ text: z.string(), more: z.int() }).meta({ id: 'Wide' }));
type Wide = RecordOf<typeof Wide>;
const Other = avro(z.object({ value: z.int() }).meta({ id: 'Other' }));
type Other = RecordOf<typeof Other>;

@operator()
class Writer extends Operator {
  static override readonly parameters = z.object({ recordCount: z.int(), batchSize: z.int().default(500) });
  declare readonly parameters: ParametersOf<typeof Writer>;
  @output(Greeting) declare readonly greetings: OutputPort<Greeting>;
  readonly printer = 1;
  override onRunning(): boolean {
    return true;
  }
}
@operator()
class Loud extends Writer {
  static override readonly parameters = Writer.parameters.extend({ volume: z.int() });
  declare readonly parameters: ParametersOf<typeof Loud>;
}
@operator()
class Refined extends Operator {
  static override readonly parameters = z.object({ from: z.int(), to: z.int() }).refine(({ from, to }) => from < to);
  declare readonly parameters: ParametersOf<typeof Refined>;
  override onRunning(): void {}
}
@operator()
class Reader extends Operator {
  @input(Greeting) declare readonly greetings: InputPort<Greeting>;
  override onRunning(): void {}
}
@operator()
class Many extends Operator {
  @output(Wide) declare readonly wide: OutputPort<Wide>;
  @output(Other) declare readonly other: OutputPort<Other>;
  @input(Wide) declare readonly wideIn: InputPort<Wide>;
  @input(DeadLetter) declare readonly lost: InputPort<DeadLetter>;
  override onRunning(): void {}
}
@operator()
class Lazy extends Operator {
  @input(lazy(Greeting)) declare readonly greetings: InputPort<LazyRecord<Greeting>>;
  @output(lazy(Wide)) declare readonly wide: OutputPort<LazyRecord<Wide>>;
  // @ts-expect-error lazy records are not whole ones
  @input(lazy(Greeting)) declare readonly whole: InputPort<Greeting>;
  override onRunning(): void {}
}
class NoOperator {}

export class Parameters extends Pipeline {
  readonly writer = this.add(Writer, { recordCount: 1 });
  readonly all = this.add(Writer, { recordCount: 1, batchSize: 2 });
  readonly loud = this.add(Loud, { recordCount: 1, volume: 2 });
  readonly refined = this.add(Refined, { from: 1, to: 2 });
  readonly reader = this.add(Reader);
  readonly readerToo = this.add(Reader, {});

  // @ts-expect-error a parameter is missing
  readonly missing = this.add(Writer, {});
  // @ts-expect-error parameters are missing altogether
  readonly nothing = this.add(Writer);
  // @ts-expect-error a parameter is wrong
  readonly wrong = this.add(Writer, { recordCount: '1' });
  // @ts-expect-error a parameter is unknown
  readonly unknown = this.add(Writer, { recordCount: 1, recordcount: 1 });
  // @ts-expect-error the parameter that the subclass adds is missing
  readonly missingInSubclass = this.add(Loud, { recordCount: 1 });
  // @ts-expect-error a refined schema keeps its members
  readonly missingInRefined = this.add(Refined, { from: 1 });
  // @ts-expect-error the operator takes no parameters
  readonly noneTaken = this.add(Reader, { recordCount: 1 });
  // @ts-expect-error not an operator
  readonly noOperator = this.add(NoOperator, {});
  // @ts-expect-error a class, not an instance
  readonly instance = this.add(new Reader(), {});
}

const pipeline = new Pipeline('p');
const writer = pipeline.add(Writer, { recordCount: 1 }, { name: 'writer' });
const reader = pipeline.add(Reader, {}, { name: 'reader' });
const many = pipeline.add(Many, {}, { name: 'many' });
const lazily = pipeline.add(Lazy, {}, { name: 'lazily' });

export function references(): void {
  expectTypeOf(writer).toEqualTypeOf<{ readonly greetings: OutputRef<Greeting> }>();
  expectTypeOf(reader).toEqualTypeOf<{ readonly greetings: InputRef<Greeting> }>();
  // @ts-expect-error a field that is no port
  void writer.printer;
  // @ts-expect-error a misspelt port
  void writer.greetngs;
  // @ts-expect-error references are read-only
  writer.greetings = many.wide;
}

export function connections(): void {
  reader.greetings.connect(writer.greetings);
  reader.greetings.connect(writer.greetings, many.wide);
  many.lost.connect(reader.greetings.deadLetters);
  // Lazy or whole, the records are the same.
  lazily.greetings.connect(writer.greetings, many.wide, lazily.wide);
  reader.greetings.connect(lazily.wide);

  // @ts-expect-error other records, lazy or not
  lazily.greetings.connect(many.other);
  // @ts-expect-error it reads members that are not written
  many.wideIn.connect(writer.greetings);
  // @ts-expect-error another record
  reader.greetings.connect(many.other);
  // @ts-expect-error one of them is another record
  reader.greetings.connect(writer.greetings, many.other);
  // @ts-expect-error an input is no output
  reader.greetings.connect(many.wideIn);
  // @ts-expect-error connect belongs to the input
  writer.greetings.connect(reader.greetings);
  // @ts-expect-error an operator is no port
  reader.greetings.connect(writer);
  // @ts-expect-error nothing
  reader.greetings.connect(undefined);
  // @ts-expect-error dead letters are not the records that were lost
  reader.greetings.connect(reader.greetings.deadLetters);
  // @ts-expect-error records are not dead letters
  many.lost.connect(writer.greetings);
  // @ts-expect-error an output gives nothing up
  void writer.greetings.deadLetters;
}

export function bindings(): void {
  reader.greetings.from('kafka://broker:9092/greetings?group=a');
  writer.greetings.to('kafka://broker:9092/greetings');
  reader.greetings.deadLetters.to('kafka://broker:9092/lost');
  // @ts-expect-error an input reads from
  reader.greetings.to('kafka://broker:9092/greetings');
  // @ts-expect-error an output writes to
  writer.greetings.from('kafka://broker:9092/greetings');
  // @ts-expect-error a location is text
  reader.greetings.from(new URL('kafka://broker:9092/greetings'));
}

export function options(): void {
  pipeline.add(Reader, {}, { replicas: 3, placement: 'thread', tick: 1000, idle: 10, delivery: 'exactly-once', commitInterval: 5, maxStepBytes: 1, stepTimeout: 0 });
  pipeline.add(Reader, {}, { ports: { greetings: { partitions: 4, broadcast: true, onError: 'skip', retries: 1, backoff: 1, onWriterDeath: 'fail', openTimeout: 1, syncOpen: true, sequential: true, backend: {} } } });
  pipeline.add(Writer, { recordCount: 1 }, { ports: { greetings: { partitioner: 'round-robin', validate: false, openTimeout: 1, backend: {} } } });

  // @ts-expect-error an unknown option
  pipeline.add(Reader, {}, { replica: 3 });
  // @ts-expect-error an option of the wrong type
  pipeline.add(Reader, {}, { replicas: '3' });
  pipeline.add(Reader, {}, { placement: { kind: 'process', count: 2, memory: 256, killAfter: 1_000 }, restart: { times: 3, within: 1, backoff: 1, longest: 1 } });
  pipeline.add(Reader, {}, { restart: false });
  // @ts-expect-error a placement without its kind
  pipeline.add(Reader, {}, { placement: { count: 2 } });
  // @ts-expect-error an unknown placement
  pipeline.add(Reader, {}, { placement: 'cloud' });
  // @ts-expect-error options of a port that there is not
  pipeline.add(Reader, {}, { ports: { greetngs: {} } });
  // @ts-expect-error options of a field that is no port
  pipeline.add(Writer, { recordCount: 1 }, { ports: { printer: {} } });
  // @ts-expect-error an input option on an output port
  pipeline.add(Writer, { recordCount: 1 }, { ports: { greetings: { partitions: 3 } } });
  // @ts-expect-error an output option on an input port
  pipeline.add(Reader, {}, { ports: { greetings: { partitioner: 'sticky' } } });
  // @ts-expect-error an unknown option of a port
  pipeline.add(Reader, {}, { ports: { greetings: { partition: 3 } } });
  // @ts-expect-error an unknown policy
  pipeline.add(Reader, {}, { ports: { greetings: { onError: 'ignore' } } });
  // @ts-expect-error validate is no flag: what is left out is said by name
  pipeline.add(Writer, { recordCount: 1 }, { ports: { greetings: { validate: true } } });
}

export function plans(): void {
  expectTypeOf(pipeline.plan({ location: 'memory:', backends: [] })).toEqualTypeOf<Plan>();
  pipeline.plan({ location: 'memory:', backends: [], defaults: { replicas: 2, ports: { partitions: 4, validate: 'full' } }, only: ['reader#1'], runId: 'r' });
  // @ts-expect-error a plan is made for a location
  pipeline.plan({ backends: [] });
  // @ts-expect-error defaults do not name operators
  pipeline.plan({ location: 'memory:', backends: [], defaults: { name: 'reader' } });
  // @ts-expect-error an unknown default of ports
  pipeline.plan({ location: 'memory:', backends: [], defaults: { ports: { greetings: {} } } });
}
