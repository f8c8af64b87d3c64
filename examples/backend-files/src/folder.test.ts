import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MillraceError } from '@millrace/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchOf, Replica, scratch } from './fixtures.js';
import { filesBackend } from './index.js';

let place: ReturnType<typeof scratch>;
const open: Replica[] = [];
beforeEach(() => {
  place = scratch();
});
afterEach(async () => {
  for (const replica of open.splice(0)) await replica.close();
  place.remove();
});

async function replica(...args: [options?: { readonly segmentBytes?: number }, retention?: object]): Promise<Replica> {
  const opened = await Replica.open(place.path, ...args);
  open.push(opened);
  return opened;
}

async function written(...values: readonly string[]): Promise<void> {
  const writing = await Replica.open(place.path);
  await writing.write(...values);
  await writing.close();
}

const journal = () => join(place.path, 'journal');
const partition = () => join(place.path, 'channels/1/0');
const segments = () => readdirSync(partition()).sort();
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);
const failed = (code: string, message: RegExp) => expect.objectContaining({ code, message: expect.stringMatching(message) });

describe('what a crash leaves', () => {
  it('a last line of the journal that is not whole never happened', async () => {
    await written('a');
    await written('b');
    for (const torn of ['1234', `00000000 ${JSON.stringify([{ do: 'delete', name: 'lines' }])}\n`]) {
      appendFileSync(journal(), torn);
      const again = await Replica.open(place.path);
      expect((await again.read()).values).toEqual(['a', 'b']);
      await again.close();
    }
  });

  it('records that the journal does not know never happened, in the segment or in one after it', async () => {
    await written('a', 'b');
    const [segment = ''] = segments();
    appendFileSync(join(partition(), segment), readFileSync(join(partition(), segment)));
    writeFileSync(join(partition(), '0000000000000099.log'), 'left over');
    const again = await replica();
    await again.write('c');
    expect((await again.read()).values).toEqual(['a', 'b', 'c']);
    expect(segments()).toEqual([segment]);
  });

  it('the folder of a channel that was deleted goes when the folder is opened', async () => {
    await written('a');
    cpSync(join(place.path, 'channels/1'), join(place.path, 'channels/2'), { recursive: true });
    await replica();
    expect(readdirSync(join(place.path, 'channels'))).toEqual(['1']);
  });
});

describe('what is damaged is not taken for data', () => {
  it('a record', async () => {
    await written('first');
    const [segment = ''] = segments();
    const path = join(partition(), segment);
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    const again = await replica();
    await expect(again.read()).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /frame of offset 0 .* damaged/));
    expect(again.session.failure).toEqual(failed('MILLRACE_STORAGE_FAILED', /damaged/));
  });

  it('a segment that is too short, or gone', async () => {
    await written('first');
    const [segment = ''] = segments();
    const path = join(partition(), segment);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await expect(Replica.open(place.path)).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /shorter than the \d+ bytes/));
    rmSync(path);
    await expect(Replica.open(place.path)).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /is not there/));
  });

  it.each([0, 1])('segment %i of three, when it is gone', async (gone) => {
    const writing = await Replica.open(place.path, { segmentBytes: 1 });
    for (const value of ['a', 'b', 'c']) await writing.write(value);
    await writing.close();
    expect(segments()).toHaveLength(3);
    rmSync(join(partition(), segments()[gone] ?? ''));
    await expect((await replica()).read()).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /not in .*, although it was committed/));
  });

  it('a line of the journal before the last', async () => {
    await written('first');
    const text = readFileSync(journal(), 'utf8');
    expect(text.split('\n').length).toBeGreaterThan(3);
    writeFileSync(journal(), text.replace('"name":"lines"', '"name":"limes"'));
    await expect(Replica.open(place.path)).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /line 3 of .*journal is damaged/));
    expect(readFileSync(journal(), 'utf8')).toContain('limes');
  });

  it('a journal of another version', async () => {
    await written('first');
    const json = '{"format":"millrace backend-files","v":2}';
    const { crc32 } = await import('node:zlib');
    writeFileSync(journal(), `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`);
    await expect(Replica.open(place.path)).rejects.toEqual(failed('MILLRACE_FORMAT_UNKNOWN', /"v":2/));
  });
});

describe('a disk that fails', () => {
  it('ends every session, and what was not acknowledged is not there afterwards', async () => {
    await written('a');
    const writing = await replica({ segmentBytes: 1 });
    const other = await writing.transport.open({ id: 'other', delivery: 'exactly-once', wake: () => undefined });
    cpSync(partition(), join(place.path, 'kept'), { recursive: true });
    rmSync(partition(), { recursive: true });
    writeFileSync(partition(), 'in the way');
    const failure = failed('MILLRACE_STORAGE_FAILED', /cannot be written; once it can, start again/);
    await writing.writer.writeRecords(batchOf('b'));
    await expect(writing.session.commit(new Map(), new Map([['with it', new Uint8Array(1)]]))).rejects.toEqual(failure);
    expect([writing.session.failure, other.failure]).toEqual([failure, failure]);
    expect(() => other.commit(new Map(), new Map([['after', new Uint8Array(1)]]))).toThrow(failure);
    await expect(writing.transport.open({ id: 'other', delivery: 'exactly-once', wake: () => undefined })).rejects.toEqual(failure);
    for (const each of open.splice(0)) await each.close();

    rmSync(partition());
    cpSync(join(place.path, 'kept'), partition(), { recursive: true });
    const again = await replica();
    expect((await again.read()).values).toEqual(['a']);
    expect(again.session.state.size).toBe(0);
  });
});

describe('what takes up room', () => {
  it('segments go as a whole once every group has read them, but for the last', async () => {
    const reading = await replica({ segmentBytes: 200 });
    for (let at = 0; at < 100; at += 10) await reading.write(...lines(at, at + 10));
    expect(segments()).toHaveLength(10);
    const { values, next } = await reading.read();
    expect(values).toEqual(lines(0, 100));
    await reading.commit(55);
    expect(segments()).toEqual(['0000000000000050.log', '0000000000000060.log', '0000000000000070.log', '0000000000000080.log', '0000000000000090.log']);
    await reading.commit(next);
    expect(segments()).toEqual(['0000000000000090.log']);
    await reading.close();
    const again = await replica({ segmentBytes: 200 });
    expect((await again.transport.describeChannel('lines'))?.starts).toEqual(new Map([[0, 90]]));
    again.reader.seek(0, 0);
    expect((await again.read()).values).toEqual(lines(90, 100));
  });

  it('who reads again what goes meanwhile goes on at what is left', async () => {
    const reading = await replica({ segmentBytes: 200 });
    for (let at = 0; at < 100; at += 10) await reading.write(...lines(at, at + 10));
    const { next } = await reading.read();
    for (const to of [20, 50, next]) {
      reading.reader.seek(0, 0);
      const commit = reading.commit(to);
      const { values } = await reading.read();
      await commit;
      expect(values).toEqual(lines(0, 100).filter((line) => values.includes(line)));
      expect(values.slice(-10)).toEqual(lines(90, 100));
    }
  });

  it.each([[{ records: 25 }, 70], [{ bytes: 600 }, 70], [{ ms: 3_600_000 }, 0]])('retention %j keeps what it says', async (retention, start) => {
    const reading = await replica({ segmentBytes: 200 }, retention);
    for (let at = 0; at < 100; at += 10) await reading.write(...lines(at, at + 10));
    await reading.commit((await reading.read()).next);
    expect((await reading.transport.describeChannel('lines'))?.starts.get(0)).toBe(start);
  });

  it('the journal is written anew when it has grown', async () => {
    const busy = await replica();
    const value = new Uint8Array(100_000);
    let largest = 0;
    for (let i = 0; i < 40; i++) {
      await busy.session.commit(new Map(), new Map([['state', value.fill(i)]]));
      largest = Math.max(largest, statSync(journal()).size);
    }
    expect(largest).toBeLessThan(2_000_000);
    await busy.close();
    expect((await replica()).session.state.get('state')).toEqual(Buffer.from(value));
  });
});

describe('locations', () => {
  it('are folders, and channels in them', () => {
    expect(filesBackend.parse('files:/data/x/../y?channel=orders')).toEqual({ location: 'files:/data/y', channel: 'orders' });
    for (const wrong of ['files:', 'files:?channel=a', 'files://host/data', 'file:/data']) expect(() => filesBackend.parse(wrong), wrong).toThrow(MillraceError);
  });

  it('that cannot be a folder are refused, and nothing is kept of the attempt', async () => {
    writeFileSync(join(place.path, 'file'), '');
    await expect(filesBackend.connect(`files:${join(place.path, 'file')}`)).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /is no folder/));
    mkdirSync(join(place.path, 'odd/journal'), { recursive: true });
    await expect(filesBackend.connect(`files:${join(place.path, 'odd')}`)).rejects.toEqual(failed('MILLRACE_STORAGE_FAILED', /cannot be opened/));
    rmSync(join(place.path, 'odd/journal'), { recursive: true });
    await (await filesBackend.connect(`files:${join(place.path, 'odd')}`)).close();
    expect(existsSync(join(place.path, 'odd/journal'))).toBe(true);
  });
});
