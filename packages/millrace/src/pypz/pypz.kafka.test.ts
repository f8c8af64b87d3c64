import { sharedKafka } from '#kafka';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asPypzReads, sample } from './operators.js';
import { findPypz } from './python.js';
import { Scene } from './scene.js';

const { bootstrap, describe } = await sharedKafka();
const found = bootstrap === '' ? { missing: 'there is no Kafka' } : await findPypz();
/** Python starts slowly on a busy machine, and pypz pauses for 5 s at the end of each principal. */
const LIVE = 180_000;
let scene: Scene;

beforeEach(({ skip }) => {
  if ('missing' in found) skip(found.missing);
  else scene = new Scene(bootstrap, found.python);
});
afterEach(() => scene?.close(), LIVE);

describe('a pypz writer and a reader of ours', () => {
  it('one and one: every record is read, and the run is done when the writer is', async () => {
    const writer = scene.pypz('writer', '--records', '12', '--batch-size', '4');
    const run = await scene.millrace({ side: 'reader' });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(scene.got.map(({ value }) => value)).toEqual(Array.from({ length: 12 }, (_, i) => sample('writer', i)));
    expect(await writer.exitCodes, writer.log('writer')).toEqual({ writer: 0 });
  }, LIVE);
});

describe('a writer of ours and a pypz reader', () => {
  it('one and one: every record is read, and the topics are deleted by the reader', async () => {
    const reader = scene.pypz('reader');
    const run = await scene.millrace({ side: 'writer', count: 12 });
    expect(await run.completed).toMatchObject({ outcome: 'done', exitCode: 0 });
    expect(await reader.exitCodes, reader.log('reader')).toEqual({ reader: 0 });
    expect(reader.recordsOf('reader').map(({ record }) => record)).toEqual(Array.from({ length: 12 }, (_, i) => asPypzReads(sample(`${scene.name}.writer#0`, i))));
    expect(await scene.topics()).toEqual([]);
  }, LIVE);
});
