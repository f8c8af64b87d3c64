import { avro, type AvroSchema } from '@millrace/core';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { consumerGroup, ownerOf, senderOf, statusTopic } from './names.js';
import { decodeStatus, encodeStatus } from './status-message.js';

interface Golden {
  readonly channel: string;
  readonly schema: AvroSchema;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly unknown[] }[];
  readonly records: readonly { readonly topic: string; readonly partition: number; readonly key: string | null; readonly valueHex: string }[];
  readonly groups: readonly { readonly group: string; readonly committed: readonly { readonly metadata: string }[] }[];
}

const golden = (name: string): Golden => JSON.parse(readFileSync(new URL(`../../fixtures/pypz/${name}.json`, import.meta.url), 'utf8')) as Golden;

describe.each([
  ['kafka-pipeline-1-1', ['#0'], false],
  ['kafka-pipeline-1-3', ['#0', '#1', '#2'], false],
  ['kafka-group-mode', ['#0', '#1', '#2'], true],
] as const)('what pypz left on a broker: %s', (name, replicas, isGroupMode) => {
  const { channel, schema, topics, records, groups } = golden(name);
  const operator = channel.slice(0, channel.lastIndexOf('.'));
  const partitions = isGroupMode ? 1 : replicas.length;

  it('topics have the names and partitions that are made here', () => {
    expect(new Map(topics.map(({ topic, partitions: { length } }) => [topic, length]))).toEqual(new Map([[channel, partitions], [statusTopic(channel, 'writer'), 1], [statusTopic(channel, 'reader'), 1]]));
  });

  it('groups with positions have the names that are committed under here, and no metadata', () => {
    const committed = groups.filter((group) => group.committed.length > 0);
    const ours = new Set(replicas.map((replica) => consumerGroup(channel, isGroupMode ? `${channel}${replica}` : channel, partitions)));
    expect(committed.map(({ group }) => group).sort()).toEqual([...ours].sort());
    expect(committed.flatMap((group) => group.committed.map(({ metadata }) => metadata)).every((metadata) => metadata === '')).toBe(true);
  });

  it('values are bare Avro: read and written anew they are the same bytes, under their partition as key', () => {
    const codec = avro(schema);
    const data = records.filter(({ topic }) => topic === channel);
    expect(data.length).toBeGreaterThan(0);
    for (const { valueHex, key, partition } of data) {
      const bytes = Buffer.from(valueHex, 'hex');
      const value = codec.decoder(codec).decode(bytes, 0, bytes.length);
      const again = Buffer.alloc(bytes.length);
      expect(codec.encode(value, again, 0)).toBe(bytes.length);
      expect(again.toString('hex')).toBe(valueHex);
      expect(key).toBe(String(partition));
    }
  });

  it('statuses are read, and written with the same members', () => {
    const owners = new Set<string | undefined>();
    for (const side of ['reader', 'writer'] as const) {
      const told = records.filter(({ topic }) => topic === statusTopic(channel, side));
      expect(told.length).toBeGreaterThan(0);
      for (const { valueHex, key } of told) {
        const message = decodeStatus(Buffer.from(valueHex, 'hex'));
        if (message === undefined) throw new Error(valueHex);
        expect(key).toBe('state');
        expect(JSON.parse(Buffer.from(encodeStatus(channel, message)).toString())).toEqual(JSON.parse(Buffer.from(valueHex, 'hex').toString()));
        const owner = ownerOf(message.sender);
        owners.add(owner);
        expect(senderOf(owner ?? '', message.sender.context.split('.')[2] ?? '', message.sender.group === null ? 1 : replicas.length)).toEqual(message.sender);
      }
    }
    expect([...owners].filter((owner) => owner?.startsWith(operator)).sort()).toEqual(replicas.map((replica) => `${operator}${replica}`));
  });
});

describe('a status', () => {
  const status = (fact: object) => decodeStatus(Buffer.from(JSON.stringify(fact)));
  it.each([
    ['its context is missing', { status: 'Opened' }],
    ['its status is unknown', { channel_context_name: 'p.w.o', status: 'opened' }],
    ['it is no object', ['Opened']],
  ])('is passed over where %s', (_why, fact) => expect(status(fact)).toBeUndefined());

  it('may lack group, index, payload and timestamp, or have the timestamp as text', () => {
    expect(status({ channel_context_name: 'p.w.o', status: 'Closed' })).toEqual({ sender: { context: 'p.w.o', group: null, index: 0 }, status: 'Closed', timestamp: undefined, payload: undefined });
    expect(status({ channel_context_name: 'p.w.o', status: 'Closed', timestamp: '12' })?.timestamp).toBe(12);
  });
});
