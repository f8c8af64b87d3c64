import { failPoint, MillraceError, type OutgoingBatch } from '@millrace/core';
import { BatchBuilder, type Compression } from '../batch/index.js';
import { KafkaError, produce, protocolError, type KafkaClient, type ProducerIdentity, type TopicPartition } from '../client/index.js';
import type { ByteBudget } from './budget.js';
import { Barrier, PartitionQueue, type Batch } from './partition-queue.js';

/** What a producer that writes in transactions needs of its transaction. */
export interface TransactionalScope {
  readonly transactionalId: string;
  /** Makes partitions part of the open transaction; resolves when records may be sent there. */
  join(partitions: readonly TopicPartition[]): Promise<void>;
}

export interface ProducerOptions {
  readonly identity: ProducerIdentity;
  readonly transaction?: TransactionalScope | undefined;
  /** Ms that a batch waits for more records. */
  readonly lingerMs: number;
  /** Bytes of a batch before compression. */
  readonly batchBytes: number;
  readonly compression?: Compression | undefined;
  /** Ms from the first attempt at which a batch that could not be stored is given up. */
  readonly deliveryTimeout: number;
  readonly budget: ByteBudget;
  readonly lane: string;
  /** The producer can do nothing more. */
  onFailure(error: Error): void;
}

/** Requests under way to one leader. A second one is encoded while the first is stored. */
const IN_FLIGHT = 2;

/**
 * Writes batches of one producer identity to any number of partitions: gathers records for each, sends what is full, has waited
 * long enough or is flushed, in one request for each leader, and sends again what failed, in order and under the same sequence
 * numbers. While a request is under way what comes meanwhile waits for it, so that batches grow with the load.
 */
export class Producer {
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #spare: BatchBuilder[] = [];
  readonly #requests = new Map<number, number>();
  #failure: Error | undefined;
  /** Only batches of a flush are sent. */
  #held = false;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #refreshing = false;
  #joining: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly client: KafkaClient,
    private readonly options: ProducerOptions,
  ) {}

  /** Takes records over. What becomes of them shows at the next {@link flush}. */
  write(queue: PartitionQueue, batch: OutgoingBatch, prefix: Uint8Array | undefined): void {
    if (this.#failure !== undefined) throw this.#failure;
    for (let from = 0; from < batch.count;) {
      const open = (queue.open ??= this.#begin());
      const before = open.builder.size;
      from = open.builder.append(batch, from, prefix);
      this.options.budget.add(open.builder.size - before);
      if (!open.builder.full) break;
      queue.close();
      this.#poke();
    }
    if (queue.open !== undefined) this.#wakeAt(queue.open.since + this.options.lingerMs);
  }

  /** The queue of a partition. */
  queue(topic: string, partition: number): PartitionQueue {
    const key = `${partition} ${topic}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new PartitionQueue(topic, partition)));
    return queue;
  }

  /** From now on only what is flushed is sent, until {@link release}. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#poke();
  }

  /** A new transaction began: no partition belongs to it yet. */
  leaveTransaction(): void {
    for (const queue of this.#queues.values()) queue.joined = false;
  }

  /** Sends all that was written so far without waiting for more; resolves once it is stored, rejects where it cannot be. */
  async flush(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const batches: Batch[] = [];
    for (const queue of this.#queues.values()) {
      queue.close();
      batches.push(...queue.outstanding());
    }
    if (batches.length === 0) return;
    const barrier = new Barrier(batches);
    this.#poke();
    await barrier.done;
  }

  /** Gives up what is not acknowledged. Repeated calls are quiet. */
  close(error: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#failure ??= error;
    for (const queue of this.#queues.values()) {
      for (const batch of queue.outstanding()) {
        batch.barrier?.fail(this.#failure);
        this.options.budget.add(-batch.builder.size);
      }
    }
    this.#queues.clear();
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.close(error);
    this.options.onFailure(error);
  }

  #begin(): Batch {
    const builder = this.#spare.pop() ?? new BatchBuilder(this.options.batchBytes);
    return { builder, since: performance.now(), barrier: undefined, bytes: undefined, sequence: -1, attempts: 0 };
  }

  #wakeAt(time: number): void {
    if (time >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = time;
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity;
        this.#dispatch();
      },
      Math.max(0, time - performance.now()),
    );
  }

  #poke(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    if (this.#closed) return;
    const now = performance.now();
    const ready = new Map<number, PartitionQueue[]>();
    const urgent = new Set<number>();
    const lost = new Set<string>();
    for (const queue of this.#queues.values()) {
      const batch = queue.next() ?? (queue.waiting.length === 0 && queue.inFlight.size < 5 ? queue.open : undefined);
      if (batch === undefined || (this.#held && batch.barrier === undefined)) continue;
      if (this.#joining !== undefined && !queue.joined) continue;
      if (queue.retryAt > now) {
        this.#wakeAt(queue.retryAt);
        continue;
      }
      const leader = this.client.leader(queue.topic, queue.partition);
      if (leader === undefined) {
        lost.add(queue.topic);
        continue;
      }
      const queues = ready.get(leader);
      if (queues === undefined) ready.set(leader, [queue]);
      else queues.push(queue);
      const underWay = this.#requests.get(leader) ?? 0;
      if (batch !== queue.open ? underWay < IN_FLIGHT : underWay === 0 && batch.since + this.options.lingerMs <= now) urgent.add(leader);
      else if (batch === queue.open && underWay === 0) this.#wakeAt(batch.since + this.options.lingerMs);
    }
    for (const leader of urgent) void this.#send(leader, ready.get(leader) ?? []);
    if (urgent.size > 0) this.#poke();
    if (lost.size > 0) void this.#refresh([...lost]);
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    const { transaction } = this.options;
    if (transaction !== undefined && queues.some((queue) => !queue.joined)) {
      await this.#join(transaction, queues.filter((queue) => !queue.joined));
      return;
    }
    const sent: { readonly queue: PartitionQueue; readonly batch: Batch }[] = [];
    for (const queue of queues) {
      if (queue.waiting.length === 0 && !this.#held) queue.close();
      const batch = queue.send();
      if (batch !== undefined) sent.push({ queue, batch });
    }
    if (sent.length === 0) return;
    this.#requests.set(leader, (this.#requests.get(leader) ?? 0) + 1);
    const stale = await this.#request(leader, sent);
    this.#requests.set(leader, (this.#requests.get(leader) ?? 1) - 1);
    if (stale.length > 0) await this.#refresh(stale);
    this.#poke();
  }

  async #join(transaction: TransactionalScope, queues: readonly PartitionQueue[]): Promise<void> {
    if (this.#joining !== undefined) return;
    try {
      this.#joining = transaction.join(queues.map(({ topic, partition }) => ({ topic, partition })));
      await this.#joining;
      for (const queue of queues) queue.joined = true;
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#joining = undefined;
    }
    this.#poke();
  }

  /** Sends one batch of each partition. Gives the topics whose leaders have to be asked for anew; never rejects. */
  async #request(leader: number, sent: readonly { readonly queue: PartitionQueue; readonly batch: Batch }[]): Promise<readonly string[]> {
    const { identity, transaction, compression } = this.options;
    const byKey = new Map<string, (typeof sent)[number]>();
    const batches = sent.map(({ queue, batch }) => {
      byKey.set(`${queue.partition} ${queue.topic}`, { queue, batch });
      batch.bytes ??= batch.builder.seal({ producerId: identity.producerId, producerEpoch: identity.producerEpoch, baseSequence: batch.sequence, transactional: transaction !== undefined, compression });
      return { topic: queue.topic, partition: queue.partition, records: batch.bytes };
    });
    const stale = new Set<string>();
    try {
      failPoint('before-send');
      const sending = this.client.node(leader, this.options.lane).send(produce({ transactionalId: transaction?.transactionalId ?? null, timeout: 30_000, batches }), { timeout: 35_000 });
      failPoint('before-ack');
      const answer = await sending;
      if (this.#closed) return [];
      for (const { topic, partition, errorCode, reason, baseOffset } of answer) {
        const each = byKey.get(`${partition} ${topic}`);
        if (each === undefined) continue;
        byKey.delete(`${partition} ${topic}`);
        const error = protocolError(errorCode, { api: 'Produce', topic, partition }, reason);
        if (error === undefined) this.#acknowledge(each.queue, each.batch, baseOffset);
        else this.#retry(each.queue, each.batch, error, stale);
      }
      const unanswered = new KafkaError('malformed', 'the broker left a partition out of its answer', { api: 'Produce' });
      for (const { queue, batch } of byKey.values()) this.#retry(queue, batch, unanswered, stale);
    } catch (error) {
      for (const { queue, batch } of byKey.values()) this.#retry(queue, batch, error, stale);
    }
    return [...stale];
  }

  #acknowledge(queue: PartitionQueue, batch: Batch, baseOffset: number): void {
    queue.acknowledge(batch, baseOffset);
    queue.retryAt = 0;
    this.options.budget.add(-batch.builder.size);
    batch.builder.reset();
    this.#spare.push(batch.builder);
    batch.barrier?.pass();
  }

  #retry(queue: PartitionQueue, batch: Batch, error: unknown, stale: Set<string>): void {
    if (this.#closed) return;
    const now = performance.now();
    const { topic, partition } = queue;
    const again = error instanceof KafkaError && (error.retriable || (error.code === 'OUT_OF_ORDER_SEQUENCE_NUMBER' && queue.hasEarlier(batch)));
    if (again && now - batch.since < this.options.deliveryTimeout) {
      queue.giveBack(batch);
      queue.retryAt = now + Math.min(1000, 5 * 2 ** Math.min(batch.attempts, 8));
      stale.add(topic);
      return;
    }
    queue.giveBack(batch);
    const [code, what] = failureOf(error, again);
    this.#fail(new MillraceError(code, `${batch.builder.count} records could not be written to partition ${partition} of topic ${topic}: ${what}`, { channel: topic, partition, cause: error }));
  }

  /** Asks who leads the topics; while nobody does it is asked again. */
  async #refresh(topics: readonly string[]): Promise<void> {
    if (this.#refreshing || this.#closed) return;
    this.#refreshing = true;
    let failure: unknown;
    try {
      await this.client.refresh(topics);
    } catch (error) {
      failure = error;
    }
    this.#refreshing = false;
    const now = performance.now();
    for (const queue of this.#queues.values()) {
      const [batch] = queue.waiting.length > 0 ? queue.waiting : [queue.open];
      if (batch === undefined || !topics.includes(queue.topic) || this.client.leader(queue.topic, queue.partition) !== undefined) continue;
      queue.retryAt = Math.max(queue.retryAt, now + 50);
      if (now - batch.since < this.options.deliveryTimeout) continue;
      this.#fail(new MillraceError('MILLRACE_TIMEOUT', `nobody leads partition ${queue.partition} of topic ${queue.topic} for ${this.options.deliveryTimeout} ms, so what was written there could not be stored`, { channel: queue.topic, partition: queue.partition, cause: failure }));
      return;
    }
    this.#poke();
  }
}

function failureOf(error: unknown, timedOut: boolean): ['MILLRACE_TIMEOUT' | 'MILLRACE_FENCED' | 'MILLRACE_RECORD_TOO_LARGE' | 'MILLRACE_BACKEND_FAILED', string] {
  const what = error instanceof Error ? error.message : String(error);
  if (timedOut) return ['MILLRACE_TIMEOUT', what];
  if (KafkaError.is(error, 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED')) return ['MILLRACE_FENCED', what];
  if (KafkaError.is(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) return ['MILLRACE_RECORD_TOO_LARGE', what];
  return ['MILLRACE_BACKEND_FAILED', what];
}
