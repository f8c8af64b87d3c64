import { avro, type RecordOf } from '@millrace/core';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { closer } from '../harness/fixtures.js';
import { OperatorHarness } from '../harness/index.js';
import { collector } from './index.js';

const Word = avro(z.object({ word: z.string() }).meta({ id: 'Word' }));
type Word = RecordOf<typeof Word>;
const word = (text: string): Word => ({ word: text });

const closing = closer(afterEach);

describe('collector', () => {
  it('keeps what it reads', async () => {
    const Sink = collector(Word);
    const harness = closing(await OperatorHarness.create(Sink));
    harness.input('in').push([word('a'), word('b')], { key: 'k', timestamp: 7 });
    await harness.run();
    expect(Sink.values).toEqual([word('a'), word('b')]);
    expect(Sink.entries).toMatchObject([{ value: word('a'), key: new TextEncoder().encode('k'), timestamp: 7, partition: 0, offset: 0 }, { offset: 1 }]);
    expect(harness.positions).toEqual({ in: { 0: 2 } });
    Sink.clear();
    expect(Sink.values).toEqual([]);
  });

  it('tells when so many are there, each who waits', async () => {
    const Sink = collector(Word);
    const harness = closing(await OperatorHarness.create(Sink));
    const told: string[] = [];
    const two = Sink.received(2).then((values) => told.push(`two: ${values.map((each) => each.word).join('')}`));
    const three = Sink.received(3).then((values) => told.push(`three: ${values.map((each) => each.word).join('')}`));
    harness.input('in').push([word('a')]);
    await harness.run();
    expect(told).toEqual([]);
    harness.input('in').push([word('b')]);
    await harness.run();
    await two;
    expect(told).toEqual(['two: ab']);
    harness.input('in').push([word('c'), word('d')]);
    await harness.run();
    await three;
    expect(told).toEqual(['two: ab', 'three: abc']);
    expect(await Sink.received(0)).toEqual([]);
    expect(await Sink.received(4)).toHaveLength(4);
  });

  it('says so where no more will come, after its last replica', async () => {
    const Sink = collector(Word);
    const waits = Sink.received(2);
    const refused = expect(waits).rejects.toThrow('done with 1 records, and 2 are waited for');
    let isOver = false;
    waits.catch(() => (isOver = true));
    const replicas = await Promise.all([0, 1].map(async (replica) => closing(await OperatorHarness.create(Sink, { replicas: 2, replica }))));
    replicas[0]!.input('in').push([word('a')]);
    for (const [i, harness] of replicas.entries()) {
      expect([i, isOver]).toEqual([i, false]);
      harness.input('in').end();
      await harness.run();
    }
    await refused;
  });

  it('waits on where its run only stops', async () => {
    const Sink = collector(Word);
    const two = Sink.received(2);
    const harness = closing(await OperatorHarness.create(Sink));
    harness.input('in').push([word('a')]);
    await harness.run();
    await harness.stop();
    await harness.restart();
    harness.input('in').push([word('b')]);
    await harness.run();
    expect(await two).toEqual([word('a'), word('b')]);
  });
});
