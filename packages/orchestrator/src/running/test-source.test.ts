/** A script and a collector of the testing package at work in a run. */
import { randomUUID } from 'node:crypto';
import { avro, dropMemorySpace, Pipeline, silentLogger, type RecordOf } from '@millrace/core';
import { ABORT, collector, EOF, Pause, PAUSE, testSource, type CollectorClass, type ScriptItem } from '@millrace/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { orchestrate, type Run } from '../index.js';

const Word = avro(z.object({ word: z.string() }).meta({ id: 'Word' }));
type Word = RecordOf<typeof Word>;
const word = (text: string): Word => ({ word: text });
const words = (all: readonly Word[]): string => all.map((each) => each.word).join('');

const spaces: string[] = [];
const runs: Run[] = [];
afterEach(async () => {
  for (const run of runs.splice(0)) await run.stop({ mode: 'now' }).catch(() => undefined); // a run that failed has told so already
  for (const space of spaces.splice(0)) dropMemorySpace(space);
});

/** Starts one pipeline as often as asked: a script into a collector. */
function scripted(script: readonly ScriptItem<Word>[]): { readonly sink: CollectorClass<Word>; readonly start: () => Promise<Run> } {
  const space = `script-${randomUUID()}`;
  spaces.push(space);
  const Source = testSource(Word, script);
  const Sink = collector(Word);
  const start = async (): Promise<Run> => {
    const pipeline = new Pipeline('words');
    const source = pipeline.add(Source, {}, { name: 'source' });
    pipeline.add(Sink, {}, { name: 'sink' }).in.connect(source.out);
    const run = await orchestrate(pipeline, { location: `memory:${space}`, logger: silentLogger, handleSignals: false, defaults: { delivery: 'exactly-once' } });
    runs.push(run);
    return run;
  };
  return { sink: Sink, start };
}

describe('a script', () => {
  it('is played to its end', async () => {
    const { sink, start } = scripted([word('a'), PAUSE, word('b'), EOF]);
    expect(await (await start()).completed).toMatchObject({ outcome: 'done' });
    expect(words(await sink.received(2))).toBe('ab');
  });

  it('fails its run at ABORT, and the next start goes on from what was committed', async () => {
    const { sink, start } = scripted([word('a'), PAUSE, word('b'), ABORT, word('c'), EOF]);
    await expect((await start()).completed).rejects.toThrow('ABORT');
    expect(await (await start()).completed).toMatchObject({ outcome: 'done' });
    expect(words(sink.values)).toBe('abc');
  });

  it('stands still at a Pause until it is told to go on', async () => {
    const pause = new Pause();
    const { sink, start } = scripted([word('a'), pause, word('b'), EOF]);
    const run = await start();
    await pause.reached;
    expect(words(await sink.received(1))).toBe('a');
    expect(sink.values).toHaveLength(1);
    pause.resume();
    await run.completed;
    expect(words(sink.values)).toBe('ab');
  });

  it('without EOF goes on until its run is drained', async () => {
    const { sink, start } = scripted([word('a')]);
    const run = await start();
    await sink.received(1);
    expect(await run.stop()).toMatchObject({ outcome: 'drained' });
  });
});
