import { sharedKafka } from '#kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asPypzReads, sample } from './operators.js';
import { findPypz } from './python.js';
import { Scene } from './scene.js';

const { bootstrap, describe } = await sharedKafka();
const found = bootstrap === '' ? { missing: 'there is no Kafka' } : await findPypz();
/** Python starts slowly on a busy machine, and pypz pauses for 5 s at the end of each principal. */
const LIVE = 180_000;
const DONE = { outcome: 'done', exitCode: 0 };
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
let scene: Scene;

beforeEach(({ skip }) => {
  if ('missing' in found) skip(found.missing);
  else scene = new Scene(bootstrap, found.python);
});
afterEach(() => scene?.close(), LIVE);

describe('a pypz writer and a reader of ours', () => {
  it('one and one: every record is read, the run is done when the writer is, and deletes the topics', async () => {
    const writer = scene.pypz('writer', '--records', '12', '--batch-size', '4');
    const run = await scene.millrace({ side: 'reader' });
    expect(await run.completed).toMatchObject(DONE);
    expect(scene.got.map(({ value }) => value)).toEqual(upTo(12).map((i) => sample('writer', i)));
    expect(await writer.exitCodes, writer.log('writer')).toEqual({ writer: 0 });
    expect(await scene.topics()).toEqual([]);
  }, LIVE);

  it('on one channel of a pipeline that is ours but for that: the last operator is exactly-once', async () => {
    const writer = scene.pypz('writer', '--records', '12', '--batch-size', '4');
    const run = await scene.mixed({ side: ['reader', 'sink'] });
    expect(await run.completed).toMatchObject(DONE);
    expect(scene.got.map(({ value }) => value)).toEqual(upTo(12).map((i) => sample('writer', i)));
    expect(await writer.exitCodes, writer.log('writer')).toEqual({ writer: 0 });
    expect(await scene.topics()).toEqual([]);
  }, LIVE);

  it('three and three: each replica reads its partition, in order, of every writer', async () => {
    const writer = scene.pypz('writer', '--records', '9', '--batch-size', '4', '--writer-replicas', '2', '--reader-replicas', '2');
    const run = await scene.millrace({ side: 'reader', readers: 3, writers: 3 });
    expect(await run.completed).toMatchObject(DONE);
    expect(await writer.exitCodes, writer.log('writer')).toEqual({ writer: 0, writer_0: 0, writer_1: 0 });
    for (const i of upTo(3)) {
      const own = scene.got.filter(({ replica }) => replica === `${scene.name}.reader#${i}`);
      for (const name of ['writer', 'writer_0', 'writer_1']) expect(own.filter(({ value }) => value.writer === name).map(({ value }) => value)).toEqual([i, i + 3, i + 6].map((id) => sample(name, id)));
    }
    expect(scene.got).toHaveLength(27);
  }, LIVE);

  it('group mode: each replica reads every record', async () => {
    const writer = scene.pypz('writer', '--records', '6', '--reader-replicas', '1', '--group-mode');
    const run = await scene.millrace({ side: 'reader', readers: 2, input: { broadcast: true } });
    expect(await run.completed).toMatchObject(DONE);
    expect(await writer.exitCodes, writer.log('writer')).toEqual({ writer: 0 });
    for (const i of upTo(2)) expect(scene.got.filter(({ replica }) => replica === `${scene.name}.reader#${i}`).map(({ value }) => value.id)).toEqual(upTo(6));
  }, LIVE);
});

describe('a writer of ours and a pypz reader', () => {
  it('one and one: every record is read, and the topics are deleted by the reader', async () => {
    const reader = scene.pypz('reader');
    const run = await scene.millrace({ side: 'writer', count: 12 });
    expect(await run.completed).toMatchObject(DONE);
    expect(await reader.exitCodes, reader.log('reader')).toEqual({ reader: 0 });
    expect(reader.recordsOf('reader').map(({ record }) => record)).toEqual(upTo(12).map((i) => asPypzReads(sample(`${scene.name}.writer#0`, i))));
    expect(await scene.topics()).toEqual([]);
  }, LIVE);

  it('three and three: records go round one by one, from partition 0 on', async () => {
    const reader = scene.pypz('reader', '--reader-replicas', '2', '--writer-replicas', '2');
    const run = await scene.millrace({ side: 'writer', readers: 3, writers: 3, count: 9 });
    expect(await run.completed).toMatchObject(DONE);
    expect(await reader.exitCodes, reader.log('reader')).toEqual({ reader: 0, reader_0: 0, reader_1: 0 });
    for (const [i, instance] of ['reader', 'reader_0', 'reader_1'].entries()) {
      const own = reader.recordsOf(instance);
      for (const w of upTo(3)) expect(own.filter(({ record }) => record.writer === `${scene.name}.writer#${w}`).map(({ record }) => record.id)).toEqual([i, i + 3, i + 6]);
      expect(own).toHaveLength(9);
    }
  }, LIVE);

  it('group mode: each replica reads every record', async () => {
    const reader = scene.pypz('reader', '--reader-replicas', '1', '--group-mode');
    const run = await scene.millrace({ side: 'writer', readers: 2, input: { broadcast: true }, count: 6 });
    expect(await run.completed).toMatchObject(DONE);
    expect(await reader.exitCodes, reader.log('reader')).toEqual({ reader: 0, reader_0: 0 });
    for (const instance of ['reader', 'reader_0']) expect(reader.recordsOf(instance).map(({ record }) => record.id)).toEqual(upTo(6));
  }, LIVE);
});

describe('a pypz operator in the middle', () => {
  it('reads what our source writes, and our sink reads what it writes', async () => {
    const { run, relay } = await scene.relayed(8);
    expect(await run.completed).toMatchObject(DONE);
    expect(await relay.exitCodes).toEqual({ relay: 0 });
    expect(scene.got.map(({ value }) => value.text)).toEqual(upTo(8).map((i) => `hello ${i} \u00e9\u4e16`.toUpperCase()));
    expect(await scene.topics()).toEqual([]);
  }, LIVE);
});
