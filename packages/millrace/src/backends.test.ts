import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { operator, Operator, orchestrate, output, OutputPort, Pipeline, text } from './index.js';

@operator(import.meta)
class Source extends Operator {
  @output(text()) declare readonly lines: OutputPort<string>;

  override async onRunning() {
    await this.lines.send(['a']);
    return true;
  }
}

/** LMDB leaves its mark where it was loaded. */
const isLmdbLoaded = (): boolean => '__lmdb_envs__' in globalThis;

it('the backend of local: is loaded when a location names it, and not before', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-lazy-'));
  const run = async (location: string): Promise<void> => {
    const pipeline = new Pipeline('lazy');
    pipeline.add(Source, {}, { name: 'source' });
    await (await orchestrate(pipeline, { location, handleSignals: false })).completed;
  };
  await run('memory:lazy');
  expect(isLmdbLoaded()).toBe(false);
  await run(`local:${folder}`);
  expect(isLmdbLoaded()).toBe(true);
  await rm(folder, { recursive: true });
});

it('a scheme that is misspelt is met with those that could be loaded', async () => {
  const pipeline = new Pipeline('misspelt');
  pipeline.add(Source, {}, { name: 'source' });
  await expect(orchestrate(pipeline, { location: 'kafak://broker:9092', handleSignals: false })).rejects.toThrow('did you mean kafka:? Else pass its backend; known: memory:, local:, kafka:, kafkas:');
  await expect(orchestrate(pipeline, { location: './data', handleSignals: false })).rejects.toThrow('write scheme:rest, known: memory:, local:, kafka:, kafkas:');
});
