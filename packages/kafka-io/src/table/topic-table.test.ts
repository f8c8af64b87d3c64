import { beforeEach, describe, expect, it } from 'vitest';
import { BatchBuilder } from '../batch/index.js';
import { AT, writeInt64 } from '../batch/format.js';
import { answerFetch, answerListOffsets, ScriptedClient, settled } from '../client/scripted/fixtures.js';
import { Fetcher } from '../fetch/fetcher.js';
import { recordsOf, TopicTable } from './topic-table.js';

type Entries = readonly (readonly [key: string, value: string | undefined])[];

describe('a table in a topic', () => {
  let scripted: ScriptedClient;
  let table: TopicTable;
  let failures: Error[];
  let end: number;

  beforeEach(() => {
    end = 0;
    failures = [];
    scripted = new ScriptedClient().lead('t', 1).on('ListOffsets', (asked) => answerListOffsets(asked, () => end));
    const fetcher = new Fetcher(scripted.client, { isolation: 'read_committed', maxWait: 500, maxBytes: 1e6, partitionBytes: 1e6, bufferBytes: 1e6, lane: 'table' });
    table = new TopicTable(scripted.client, fetcher, 't', 0, (error) => failures.push(error));
  });

  /** These records come. */
  async function store(entries: Entries): Promise<void> {
    const builder = new BatchBuilder(100_000);
    builder.append(recordsOf(entries.map(([key, value]) => [key, value === undefined ? undefined : Buffer.from(value)])), 0);
    const records = Buffer.from(builder.seal({ producerId: -1, producerEpoch: -1, baseSequence: -1, transactional: false }));
    writeInt64(records, end, AT.baseOffset);
    end += entries.length;
    await settled();
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, end, records }]);
    await settled();
  }

  it('has the latest value of each key, and tells followers of what they follow', async () => {
    await store([['a/1', 'old'], ['b/1', 'x'], ['a/1', 'new']]);
    const seen: (readonly [string, string | undefined])[] = [];
    const stop = table.follow('a/', (key, value) => seen.push([key, value === undefined ? undefined : Buffer.from(value).toString()]));
    await store([['a/2', 'y'], ['b/2', 'y'], ['a/1', undefined], ['a/3', undefined]]);
    stop();
    await store([['a/4', 'unseen']]);
    expect(seen).toEqual([['a/1', 'new'], ['a/2', 'y'], ['a/1', undefined]]);
    expect([...table.under('')].map(([key]) => key)).toEqual(['b/1', 'a/2', 'b/2', 'a/4']);
  });

  it('is caught up once all is seen that was there at the time of the question', async () => {
    end = 2;
    let done = false;
    const caughtUp = table.caughtUp().then(() => (done = true));
    await settled();
    end = 0;
    await store([['a', '1']]);
    expect(done).toBe(false);
    await store([['a', '2']]);
    await caughtUp;
  });

  it('whoever waits is told of a failure, as is its owner; the topic is not asked for any more', async () => {
    end = 5;
    const caughtUp = expect(table.caughtUp()).rejects.toThrow('MILLRACE_BACKEND_FAILED');
    await settled();
    answerFetch(scripted.take('Fetch'), [{ topic: 't', partition: 0, error: 'TOPIC_AUTHORIZATION_FAILED' }]);
    await caughtUp;
    await settled();
    expect([failures.length, scripted.open('Fetch').length]).toEqual([1, 0]);
    await expect(table.caughtUp()).rejects.toThrow('MILLRACE_BACKEND_FAILED');
  });
});
