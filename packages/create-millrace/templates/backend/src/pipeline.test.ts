import { collector, EOF, testSource } from '@millrace/testing';
import { orchestrate, Pipeline, silentLogger, text } from 'millrace';
import { expect, it } from 'vitest';
import { skeletonModule } from './index.js';

it('carries a pipeline', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}`);
  const Source = testSource(text(), [...lines, EOF]);
  const Sink = collector(text());
  const pipeline = new Pipeline('lines');
  const source = pipeline.add(Source, {}, { name: 'source' });
  pipeline.add(Sink, {}, { name: 'sink', replicas: 3 }).in.connect(source.out);

  const run = await orchestrate(pipeline, { location: 'skeleton:pipeline', backends: [skeletonModule], logger: silentLogger, defaults: { delivery: 'exactly-once' } });
  await run.completed;
  expect(Sink.values.toSorted()).toEqual(lines.toSorted());
});
