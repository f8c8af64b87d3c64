import { silentLogger, type Offsets } from '@millrace/core';
import { expect, it } from 'vitest';
import { readTopics, writeTopics } from '../client/requests/topics.js';
import { ScriptedClient } from '../client/scripted/fixtures.js';
import type { GroupPositions, GroupsOptions } from './group-positions.js';
import { Trimmer } from './trimmer.js';

/** A trimmer of a topic of two partitions with these groups, and what it deletes. */
function trimmerOf(groups: Readonly<Record<string, Offsets>>, retention = '-1'): { readonly trimmer: Trimmer; readonly deleted: (readonly [partition: number, before: number])[]; readonly asked: GroupsOptions[] } {
  const deleted: (readonly [number, number])[] = [];
  const asked: GroupsOptions[] = [];
  const scripted = new ScriptedClient().lead('t', 1, 1);
  scripted.on('DescribeConfigs', (each) => each.answer((writer) => {
    writer.int32(0).array(['t'], (topic) => {
      writer.int16(0).nullableString(null).int8(2).string(topic);
      writer.array([['retention.ms', retention], ['cleanup.policy', 'delete']] as const, ([key, value]) => writer.string(key).nullableString(value).boolean(false).int8(1).boolean(false).int32(0));
    });
  }));
  scripted.on('DeleteRecords', (each) => {
    const { body } = each;
    const partitions = readTopics(body, (topic) => ({ topic, partition: body.int32(), before: body.int64() }));
    deleted.push(...partitions.map(({ partition, before }) => [partition, before] as const));
    each.answer((writer) => {
      writer.int32(0);
      writeTopics(writer, partitions, ({ partition, before }) => writer.int32(partition).int64(before).int16(0));
    });
  });
  const positions = {
    async ofTopic(_topic: string, _partitions: readonly number[], options: GroupsOptions) {
      asked.push(options);
      return new Map(Object.entries(groups));
    },
  } as unknown as GroupPositions;
  return { trimmer: new Trimmer(scripted.client, positions, silentLogger), deleted, asked };
}

it('deletes what every group has read, sure of having asked all of them', async () => {
  const { trimmer, deleted, asked } = trimmerOf({ a: new Map([[0, 5], [1, 9]]), b: new Map([[0, 3], [1, 12]]) });
  expect(await trimmer.trim('t', [0, 1])).toEqual(new Map([[0, 3], [1, 9]]));
  expect([deleted, asked]).toEqual([[[0, 3], [1, 9]], [{ complete: true }]]);
  trimmer.close();
});

it('keeps a partition in which a group has no position, all of it where there are no groups, and what has a retention', async () => {
  for (const { trimmer, deleted } of [trimmerOf({ a: new Map([[0, 5]]), b: new Map([[1, 5]]) }), trimmerOf({}), trimmerOf({ a: new Map([[0, 5]]) }, '1000')]) {
    expect(await trimmer.trim('t', [0, 1])).toEqual(new Map());
    expect(deleted).toEqual([]);
    trimmer.close();
  }
});
