import { answerProduce, readProduce, ScriptedClient, type Asked, type ProducedBatch } from '../client/scripted/fixtures.js';
import type { KafkaErrorName } from '../client/error-codes.js';
import { decodeRecordSet, laidOut } from '../batch/index.js';
import { AT } from '../batch/format.js';
import { batchOf, valuesOf } from '../fixtures.js';
import { ByteBudget } from './budget.js';
import { Producer, type ProducerOptions } from './producer.js';

export interface SentBatch {
  readonly topic: string;
  readonly partition: number;
  readonly sequence: number;
  readonly producerId: number;
  readonly transactional: boolean;
  readonly values: readonly string[];
}

/** What stands in a batch that was sent. */
export function contentOf({ topic, partition, records }: ProducedBatch): SentBatch {
  const { batches } = decodeRecordSet(Buffer.from(records), { topic, partition, from: 0, framing: 'none', isolation: 'read_uncommitted' });
  return { topic, partition, sequence: records.readInt32BE(AT.baseSequence), producerId: Number(records.readBigInt64BE(AT.producerId)), transactional: (records.readInt16BE(AT.attributes) & 0x10) !== 0, values: batches.flatMap(valuesOf) };
}

/** A Produce request taken apart, still to be answered. */
export class SentRequest {
  readonly transactionalId: string | null;
  readonly batches: readonly SentBatch[];

  constructor(readonly asked: Asked) {
    const { transactionalId, batches } = readProduce(asked);
    this.transactionalId = transactionalId;
    this.batches = batches.map(contentOf);
  }

  /** Partition, sequence number and values of each batch. */
  get summary(): string[] {
    return this.batches.map(({ partition, sequence, values }) => `${partition}@${sequence}: ${values.join(' ')}`);
  }

  /** The same answer for each of its batches. */
  answer(error?: KafkaErrorName, baseOffset = 0): void {
    answerProduce(this.asked, this.batches.map(({ topic, partition }) => ({ topic, partition, error, baseOffset })));
  }

  answerEach(results: Parameters<typeof answerProduce>[1]): void {
    answerProduce(this.asked, results);
  }

  lose(kind?: 'connection' | 'timeout'): void {
    this.asked.lose(kind);
  }
}

export class ProducerBench {
  readonly scripted = new ScriptedClient();
  readonly budget: ByteBudget;
  readonly failures: Error[] = [];
  readonly producer: Producer;

  constructor(options: Partial<ProducerOptions> = {}, budget = 1_000_000) {
    this.budget = new ByteBudget(budget);
    this.producer = new Producer(this.scripted.client, {
      identity: { producerId: 7, producerEpoch: 0 },
      lingerMs: 5,
      batchBytes: 1000,
      deliveryTimeout: 10_000,
      budget: this.budget,
      lane: 'data',
      onFailure: (error) => this.failures.push(error),
      ...options,
    });
  }

  write(partition: number, ...values: string[]): void {
    this.producer.write(this.producer.queue('t', partition), laidOut(batchOf(values, partition)));
  }

  /** The next request that is not answered. */
  sent(): SentRequest {
    return new SentRequest(this.scripted.take('Produce'));
  }

  /** The request under way that has so many before it. */
  next(before: number): SentRequest {
    return new SentRequest(this.scripted.open('Produce')[before]!);
  }

  get underWay(): number {
    return this.scripted.open('Produce').length;
  }
}
