/**
 * A process of its own that runs pipelines, for the tests of signals: `node --import tsx fixtures.ts <scene>`. Tells what happens
 * on its standard output, a line each, and leaves it to Node.js to exit.
 */
import { avro, input, InputPort, Operator, operator, output, OutputPort, Pipeline, silentLogger } from '@millrace/core';
import { z } from 'zod';
import { orchestrate } from '../index.js';

const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
const tell = (line: string): void => void process.stdout.write(`${line}\n`);

let interrupts = 0;
let wake = (): void => {};
/** Resolves with the n-th interrupt. */
const interrupted = async (n: number): Promise<void> => {
  while (interrupts < n) await new Promise<void>((resolve) => (wake = resolve));
};

@operator(import.meta)
class Source extends Operator {
  static override readonly parameters = z.object({ count: z.number() });
  declare readonly parameters: { readonly count: number };
  @output(Num) declare readonly numbers: OutputPort<Num>;
  #sent = 0;
  override async onRunning() {
    await this.numbers.send([{ n: this.#sent++ }]);
    return this.#sent >= this.parameters.count;
  }
}
type Num = { readonly n: number };

@operator(import.meta)
class Sink extends Operator {
  static override readonly parameters = z.object({ scene: z.string() });
  declare readonly parameters: { readonly scene: string };
  @input(Num) declare readonly numbers: InputPort<Num>;
  #told = false;
  override async onRunning() {
    if (this.numbers.retrieve().length > 0 && !this.#told) {
      this.#told = true;
      tell('running');
    }
    if (this.parameters.scene === 'twice') await interrupted(2);
    if (this.parameters.scene === 'stuck') await new Promise(() => {});
  }
  override onInterrupt(signal: string) {
    tell(`interrupt ${signal}`);
    interrupts++;
    wake();
  }
}

async function begin(name: string, scene: string, count: number): Promise<void> {
  const pipeline = new Pipeline(name);
  const source = pipeline.add(Source, { count }, { name: 'source' });
  pipeline.add(Sink, { scene }, { name: 'sink' }).numbers.connect(source.numbers);
  const run = await orchestrate(pipeline, { location: `memory:${name}`, logger: silentLogger, grace: scene === 'stuck' ? 50 : 20_000, handleSignals: scene !== 'unheard' });
  const ended = (how: string): void => {
    process.exitCode = Math.max(Number(process.exitCode ?? 0), run.exitCode!);
    tell(`${name} ${how}, ${process.listenerCount('SIGINT')} and ${process.listenerCount('SIGTERM')} listen`);
  };
  run.completed.then(({ outcome }) => ended(outcome), (error: { readonly code: string }) => ended(error.code)).catch(() => process.exit(99));
}

const scene = process.argv[2] ?? '';
await begin('p', scene, scene === 'short' ? 3 : 1e9);
if (scene === 'two') await begin('q', scene, 3);
