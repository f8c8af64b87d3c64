/**
 * A program in one file, its operators and its start: `one-file.ts <placement> <folder>`. However it is built, threads and
 * processes find its classes, and its pipeline starts once.
 */
import { z } from 'zod';
import { avro, input, InputPort, Operator, operator, orchestrate, output, OutputPort, Pipeline, stderrLogger, type PlacementKind } from '../index.js';

const Num = avro(z.object({ n: z.int() }).meta({ id: 'Num' }));
const tell = (line: string): void => void process.stdout.write(`${line}\n`);

@operator(import.meta)
class Source extends Operator {
  @output(Num) declare readonly numbers: OutputPort<{ n: number }>;

  override async onRunning() {
    await this.numbers.send([{ n: 1 }, { n: 2 }]);
    return true;
  }
}

@operator(import.meta)
class Sink extends Operator {
  @input(Num) declare readonly numbers: InputPort<{ n: number }>;

  override onRunning() {
    for (const { n } of this.numbers.retrieve()) tell(`got ${n}`);
  }
}

const [placement, folder] = process.argv.slice(2);
const pipeline = new Pipeline('p');
const source = pipeline.add(Source, {}, { name: 'source' });
pipeline.add(Sink, {}, { name: 'sink' }).numbers.connect(source.numbers);
const run = await orchestrate(pipeline, { location: `local:${folder}`, defaults: { placement: placement as PlacementKind }, logger: stderrLogger() });
tell(`started in ${process.pid}`);
const { outcome } = await run.completed;
tell(outcome);
