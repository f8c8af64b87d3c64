import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { KafkaError } from '../error.js';
import { Reader } from '../protocol/reader.js';
import { Writer } from '../protocol/writer.js';
import type { KafkaRequest } from '../types.js';
import * as requests from './index.js';

interface Golden {
  readonly version: number;
  readonly request: string;
  readonly response: string;
}

/** What Kafka's own classes write: fixtures/requests/Requests.java. */
const golden = JSON.parse(readFileSync(new URL('../../../fixtures/requests/golden.json', import.meta.url), 'utf8')) as Record<string, Golden>;
const TOPIC_ID = 'AQIDBAUGBwgJCgsMDQ4PEA';
const BIG = 2 ** 45 + 7;
const producer = { transactionalId: 'tx', producerId: 77, producerEpoch: 2 };
const at = (partition: number, rest: object = {}) => ({ topic: 't', partition, ...rest });

const cases: Record<string, readonly [request: KafkaRequest<unknown>, answer: unknown]> = {
  produce: [
    requests.produce({ transactionalId: 'tx', timeout: 1500, batches: [{ topic: 't', partition: 3, records: Buffer.of(1, 2, 3) }, { topic: 't', partition: 0, records: Buffer.of(4) }] }),
    [at(3, { errorCode: 0, reason: null, baseOffset: BIG, logAppendTime: -1, logStartOffset: 5 }), at(0, { errorCode: 87, reason: 'no; record 2: null key', baseOffset: -1, logAppendTime: -1, logStartOffset: -1 })],
  ],
  fetch: [
    requests.fetch({ isolation: 'read_committed', maxWait: 500, minBytes: 1, maxBytes: 1 << 20, partitions: [{ topic: 'tö', topicId: TOPIC_ID, partition: 2, offset: BIG, maxBytes: 65_536 }] }),
    [
      { topic: 'tö', topicId: TOPIC_ID, partition: 2, errorCode: 0, highWatermark: BIG + 9, lastStableOffset: BIG + 8, logStartOffset: 3, abortedTransactions: [{ producerId: 77, firstOffset: BIG }], records: Buffer.of(5, 6) },
      { topic: 'tö', topicId: TOPIC_ID, partition: 4, errorCode: 6, highWatermark: -1, lastStableOffset: -1, logStartOffset: -1, abortedTransactions: [], records: Buffer.of() },
    ],
  ],
  listOffsets: [
    requests.listOffsets([{ topic: 'a', partition: 0, at: 'earliest' }, { topic: 'b', partition: 0, at: 'latest' }, { topic: 'a', partition: 1, at: 1_700_000_000_123 }], 'read_committed'),
    [{ topic: 'a', partition: 1, errorCode: 0, offset: BIG, timestamp: 1_700_000_000_200 }],
  ],
  initProducerId: [requests.initProducerId({ transactionalId: 'tx', transactionTimeout: 10_000, current: { producerId: BIG, producerEpoch: 6 } }), { producerId: BIG, producerEpoch: 7 }],
  initPlainProducerId: [requests.initProducerId({ transactionalId: null, transactionTimeout: 10_000 }), 'CONCURRENT_TRANSACTIONS'],
  addPartitionsToTxn: [requests.addPartitionsToTxn(producer, [at(0), at(3)]), [at(0, { errorCode: 0 }), at(3, { errorCode: 51 })]],
  addOffsetsToTxn: [requests.addOffsetsToTxn(producer, 'g'), 'GROUP_AUTHORIZATION_FAILED'],
  txnOffsetCommit: [requests.txnOffsetCommit(producer, 'g', [{ topic: 't', partition: 1, offset: BIG, metadata: 'm' }]), [at(1, { errorCode: 16 })]],
  endTxn: [requests.endTxn(producer, 'commit'), undefined],
  offsetCommit: [requests.offsetCommit('g', [{ topic: 't', partition: 1, offset: BIG }]), [at(1, { errorCode: 25 })]],
  offsetFetch: [requests.offsetFetch('g', [at(1), at(2)]), [at(1, { errorCode: 0, offset: BIG, metadata: null })]],
  offsetFetchAll: [requests.offsetFetch('g'), [at(1, { errorCode: 0, offset: BIG, metadata: null })]],
  offsetFetchMany: [requests.offsetFetchMany(['g', 'h'], [at(1), at(2)]), [{ group: 'g', errorCode: 0, offsets: [at(1, { errorCode: 0, offset: BIG, metadata: null })] }, { group: 'h', errorCode: 16, offsets: [] }]],
  offsetDelete: [requests.offsetDelete('g', [at(1)]), [at(1, { errorCode: 86 })]],
  metadata: [
    requests.metadata(['t']),
    {
      brokers: [{ nodeId: 1, host: 'h', port: 9092 }],
      clusterId: 'c',
      controllerId: 1,
      topics: [
        {
          errorCode: 0,
          topic: 't',
          topicId: TOPIC_ID,
          internal: true,
          partitions: [
            { partition: 0, leader: 2, leaderEpoch: 9, replicas: [2], isr: [2] },
            { partition: 1, leader: undefined, leaderEpoch: 8, replicas: [1, 2], isr: [2] },
          ],
        },
      ],
    },
  ],
  findCoordinator: [requests.findCoordinator('transaction', 'tx'), { nodeId: 2, host: 'h', port: 9092 }],
  createTopics: [requests.createTopics([{ topic: 't', partitions: 3, configs: { 'retention.ms': '5' } }], 700), [{ topic: 't', errorCode: 36, reason: 'there' }]],
  deleteTopics: [requests.deleteTopics(['t'], 700), [{ topic: 't', errorCode: 3, reason: null }]],
  deleteRecords: [requests.deleteRecords([{ topic: 't', partition: 1, before: BIG }, { topic: 't', partition: 2, before: 'end' }], 700), [at(1, { errorCode: 0, lowWatermark: BIG })]],
  describeConfigs: [
    requests.describeConfigs([{ type: 'topic', name: 't', keys: ['a'] }, { type: 'broker', name: '1' }]),
    [{ type: 'broker', name: '1', errorCode: 0, reason: null, configs: new Map([['a', 'b'], ['s', null]]) }],
  ],
  describeGroups: [requests.describeGroups(['g']), [{ group: 'g', errorCode: 0, state: 'Stable', members: [{ memberId: 'm-1', clientId: 'm', clientHost: '/h' }] }]],
  listGroups: [requests.listGroups(['Stable']), [{ group: 'g', protocolType: 'consumer', state: 'Stable' }]],
  deleteGroups: [requests.deleteGroups(['g']), [{ group: 'g', errorCode: 68 }]],
  listTransactions: [requests.listTransactions(['Ongoing']), [{ transactionalId: 'tx', producerId: 77, state: 'Ongoing' }]],
  describeTransactions: [
    requests.describeTransactions(['tx']),
    [{ transactionalId: 'tx', producerId: 77, producerEpoch: 2, state: 'Ongoing', errorCode: 0, timeout: 10_000, startedAt: 1_700_000_000_123, partitions: [at(0), at(2)] }],
  ],
  describeProducers: [requests.describeProducers([at(0)]), [at(0, { errorCode: 0, reason: null, producers: [{ producerId: 77, producerEpoch: 2, lastSequence: 9, transactionStart: BIG }] })]],
};

describe('Kafka requests', () => {
  it('are all compared with those of Kafka', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(golden).sort());
  });

  describe.each(Object.entries(cases))('%s', (name, [request, answer]) => {
    const { version, request: sent, response } = golden[name] as Golden;

    it('is written as Kafka writes it', () => {
      expect(request.api.version).toBe(version);
      const writer = new Writer();
      request.encode(writer);
      if (request.api.flexible === true) writer.tags();
      expect(Buffer.concat(writer.frame()).subarray(4).toString('hex')).toBe(sent);
    });

    it('reads the answer as Kafka writes it', () => {
      const reader = new Reader(Buffer.from(response, 'hex'));
      if (typeof answer === 'string') {
        expect(() => request.decode(reader)).toThrow(expect.objectContaining({ name: 'KafkaError', kind: 'protocol', code: answer }));
        return;
      }
      expect(request.decode(reader)).toEqual(answer);
      if (request.api.flexible === true) reader.tags();
      expect(reader.remaining).toBe(0);
    });

    it('throws at an answer that is cut off, wherever that is', () => {
      const whole = Buffer.from(response, 'hex');
      for (let length = 0; length < whole.length; length++) {
        const reader = new Reader(whole.subarray(0, length));
        const read = (): void => {
          request.decode(reader);
          if (request.api.flexible === true) reader.tags();
        };
        // What comes after an error that ends the answer is not read.
        if (typeof answer === 'string' && length >= 6) expect(read).toThrow(KafkaError);
        else expect(read).toThrow(RangeError);
      }
    });
  });
});
