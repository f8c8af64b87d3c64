/**
 * A program of its own whose work is done in a process, for the tests of what happens around it: `program.ts <scene> <folder>`.
 * Tells the pid of that process once it works.
 */
import { join } from 'node:path';
import { orchestrate, Pipeline, silentLogger } from '../index.js';
import { Sink, Source, Work } from './operators.js';

const [scene = '', folder = ''] = process.argv.slice(2);
const pipeline = new Pipeline('p');
const source = pipeline.add(Source, { count: 100, forever: true }, { name: 'source' });
const work = pipeline.add(Work, { scene, at: 30, file: join(folder, 'file') }, { name: 'work', placement: 'process' });
const sink = pipeline.add(Sink, { into: '' }, { name: 'sink' });
work.numbers.connect(source.numbers);
sink.results.connect(work.results);
const tell = (line: string): void => void process.stdout.write(`${line}\n`);
const run = await orchestrate(pipeline, { location: `local:${folder}/data`, logger: silentLogger, grace: scene === 'interrupts' ? 20_000 : 3_000 });
run.on('stage', (replica, stage) => {
  if (replica === 'p.work#0' && stage === 'OperationRunning') tell(`works in ${run.children[0]?.pid}`);
});
run.completed.then(({ outcome }) => tell(outcome), (error: { readonly code: string }) => tell(error.code)).finally(() => (process.exitCode = run.exitCode ?? 99));
