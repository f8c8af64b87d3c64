import { avro, type RecordOf } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { closer } from '../harness/fixtures.js';
import { OperatorHarness } from '../harness/index.js';
import { ABORT, EOF, Pause, PAUSE, testSource, type ScriptItem, type TestSource, type TestSourceOptions } from './index.js';

const Word = avro(z.object({ word: z.string() }).meta({ id: 'Word' }));
type Word = RecordOf<typeof Word>;
const word = (text: string): Word => ({ word: text });
const words = (all: readonly Word[]): string => all.map((each) => each.word).join('');

const closing = closer(afterEach);
const play = async (script: readonly ScriptItem<Word>[], options: TestSourceOptions<Word> = {}): Promise<OperatorHarness<TestSource<Word>>> =>
  closing(await OperatorHarness.create(testSource(Word, script, options), { delivery: 'exactly-once' }));

describe('testSource', () => {
  it('sends its script, and is done at EOF', async () => {
    const harness = await play([word('a'), word('b'), word('c'), EOF]);
    expect(await harness.step()).toBe(true);
    await harness.run();
    expect(words(harness.output('out').take())).toBe('abc');
    expect(harness.outcome).toMatchObject({ reason: 'done' });
    expect(harness.state).toEqual({ progress: { next: 4 } });
  });

  it('stays without EOF', async () => {
    const harness = await play([word('a')]);
    await harness.run();
    await harness.advance(10_000);
    expect(words(harness.output('out').take())).toBe('a');
    expect(harness.outcome).toBeUndefined();
    expect(await harness.drain()).toMatchObject({ reason: 'drained' });
  });

  it('sends so many in a step as it is told, with key, headers and timestamp', async () => {
    const harness = await play(['a', 'b', 'c', 'd', 'e'].map(word), { batch: 2, key: (each: Word) => each.word, timestamp: () => 7, headers: () => ({ x: '1' }) });
    await harness.step();
    await harness.commit();
    expect(harness.output('out').takeEntries()).toMatchObject([{ key: 'a', timestamp: 7, headers: { x: '1' } }, { key: 'b' }]);
    await harness.step();
    await harness.step();
    await harness.commit();
    expect(harness.state).toEqual({ progress: { next: 5 } });
  });

  it('commits at PAUSE, and goes on when its idle time is over', async () => {
    const harness = await play([word('a'), PAUSE, word('b'), EOF]);
    await harness.run();
    expect(words(harness.output('out').take())).toBe('a');
    expect(harness.commits).toHaveLength(1);
    await harness.advance(9);
    expect(harness.output('out').take()).toEqual([]);
    await harness.advance(1);
    expect(words(harness.output('out').take())).toBe('b');
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('ends as by a crash at ABORT, once, and goes on from what was committed', async () => {
    const harness = await play([word('a'), PAUSE, word('b'), ABORT, word('c'), EOF]);
    await harness.run();
    await expect(harness.advance(10)).rejects.toMatchObject({ code: 'MILLRACE_STEP_FAILED', message: expect.stringContaining('ABORT') });
    expect(words(harness.output('out').take())).toBe('a');
    await harness.restart();
    await harness.run();
    expect(words(harness.output('out').take())).toBe('bc');
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('aborts at each ABORT, also at two in a row', async () => {
    const harness = await play([ABORT, ABORT, word('a'), EOF]);
    await expect(harness.run()).rejects.toThrow('at 0');
    await harness.restart();
    await expect(harness.run()).rejects.toThrow('at 1');
    await harness.restart();
    await harness.run();
    expect(words(harness.output('out').take())).toBe('a');
  });

  it('waits at a Pause until it is told, and has committed then', async () => {
    const pause = new Pause();
    const harness = await play([word('a'), pause, word('b'), EOF]);
    let isReached = false;
    void pause.reached.then(() => (isReached = true));
    await harness.step();
    await harness.step();
    expect(isReached).toBe(false);
    await harness.run();
    await pause.reached;
    expect(harness.commits).toMatchObject([{ outputs: { out: [word('a')] } }]);
    expect(words(harness.output('out').take())).toBe('a');
    await harness.advance(60_000);
    expect(harness.output('out').take()).toEqual([]);
    pause.resume();
    await pause.resumed;
    await harness.run();
    expect(words(harness.output('out').take())).toBe('b');
    expect(harness.outcome).toMatchObject({ reason: 'done' });
  });

  it('passes a Pause that was over before it came there, and stands at it again after a crash', async () => {
    const over = new Pause();
    over.resume();
    const pause = new Pause();
    const harness = await play([word('a'), over, word('b'), pause, word('c'), EOF]);
    await harness.run();
    await Promise.all([over.reached, pause.reached]);
    expect(words(harness.output('out').take())).toBe('ab');
    await harness.crash();
    await harness.run();
    pause.resume();
    await pause.resumed;
    await harness.run();
    expect(words(harness.output('out').take())).toBe('c');
  });

  it('refuses what can never be sent', () => {
    expect(() => testSource(Word, [EOF, word('a')])).toThrow(expect.objectContaining({ code: 'MILLRACE_OPTION_INVALID' }));
  });
});
