import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import { avro, input, InputPort, Operator, operator, output, OutputPort, state, type ParametersOf, type PartitionState, type RecordOf } from '../index.js';

const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
export type Num = RecordOf<typeof Num>;
/** What was made of a number, and by whom. */
const Done = avro(z.object({ n: z.int(), pid: z.int(), thread: z.int(), replica: z.int(), partition: z.int(), seen: z.int() }).meta({ id: 'Done' }));
export type Done = RecordOf<typeof Done>;

/** Sends numbers from 0 on; and then is done or, `forever`, waits. */
@operator(import.meta)
export class Source extends Operator {
  static override readonly parameters = z.object({ count: z.number(), forever: z.boolean().default(false) });
  declare readonly parameters: ParametersOf<typeof Source>;
  @output(Num) declare readonly numbers: OutputPort<Num>;
  @state(z.object({ sent: z.int().default(0) })) declare progress: { sent: number };

  override async onRunning() {
    const size = Math.min(10, this.parameters.count - this.progress.sent);
    if (size === 0) return;
    await this.numbers.send(Array.from({ length: size }, (_, i) => ({ n: this.progress.sent + i })));
    this.progress.sent += size;
    // Not faster than a test can follow.
    await new Promise((resolve) => setTimeout(resolve, 2));
    return this.progress.sent >= this.parameters.count && !this.parameters.forever;
  }
}

/** Passes numbers on, and at one of them does what its scene says. */
@operator(import.meta)
export class Work extends Operator {
  static override readonly parameters = z.object({
    scene: z.string().default('plain'),
    at: z.number().default(Infinity),
    /** A file, for scenes that happen once. */
    file: z.string().default(''),
  });
  declare readonly parameters: ParametersOf<typeof Work>;
  @input(Num) declare readonly numbers: InputPort<Num>;
  @output(Done) declare readonly results: OutputPort<Done>;
  @state(z.object({ seen: z.int().default(0) }), { per: 'partition' }) declare counts: PartitionState<{ seen: number }>;

  override onInit() {
    if (this.parameters.scene === 'print') {
      process.stdout.write(`hello from ${this.context.name}\n`);
      process.stderr.write('and to stderr\n');
      this.context.logger.warn({ map: new Map([['a', 1]]), error: new TypeError('logged') }, 'it logs');
    }
  }

  override async onRunning() {
    for (const { value, partition } of this.numbers.retrieveEntries()) {
      if (value.n >= this.parameters.at) this.#act(value.n);
      const { seen } = this.counts.get(partition);
      this.counts.set(partition, { seen: seen + 1 });
      await this.results.send([{ n: value.n, pid: process.pid, thread: threadId, replica: this.context.replica, partition, seen: seen + 1 }]);
    }
  }

  override onInterrupt(signal: string) {
    if (this.parameters.scene === 'interrupts') appendFileSync(this.parameters.file, `${signal}\n`);
  }

  #act(n: number): void {
    const { scene, at, file } = this.parameters;
    const once = (): boolean => {
      if (existsSync(file)) return false;
      writeFileSync(file, '');
      return true;
    };
    if (scene === 'throw') throw new RangeError('too far', { cause: Object.assign(new Error('the cause'), { code: 'EWHY' }) });
    if (scene === 'throw once' && once()) throw new Error('only once');
    if (scene === 'exit once' && once()) process.exit(3);
    if (scene === 'poison' && n === at) process.abort();
    if (scene === 'hang once' && once()) for (;;);
    if (scene === 'uncaught once' && once()) setImmediate(() => { throw new Error('nobody caught it'); });
    if (scene === 'memory once' && once()) {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 100_000 }, (_, i) => ({ i })));
    }
  }
}

/** Keeps results for the test, in the process that runs it. */
@operator(import.meta)
export class Sink extends Operator {
  static readonly into = new Map<string, Done[]>();
  static override readonly parameters = z.object({ into: z.string() });
  declare readonly parameters: ParametersOf<typeof Sink>;
  @input(Done) declare readonly results: InputPort<Done>;

  override onRunning() {
    const results = this.results.retrieve();
    Sink.into.get(this.parameters.into)?.push(...results);
  }
}

/** A class that nobody finds: its module declares it only when somebody asks. */
export function hidden(): typeof Source {
  @operator(import.meta)
  class Hidden extends Source {}
  return Hidden;
}
