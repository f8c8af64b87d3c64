import { failPoint, MillraceError, toError, type OutgoingValues } from '@millrace/core';
import type { Compression } from '../batch/index.js';
import { KafkaError, produce, protocolError, type KafkaClient, type ProducerIdentity, type TopicPartition } from '../client/index.js';
import type { ByteBudget } from './budget.js';
import { Barrier, PartitionQueue, type Batch } from './partition-queue.js';

/** What a producer that writes in transactions needs of its transaction. */
export interface TransactionalScope {
  readonly transactionalId: string;
  /** Makes partitions part of the open transaction; resolves when records may be sent there. */
  join(partitions: readonly TopicPartition[]): Promise<void>;
  /** What a broker's refusal means: a transaction that was open for too long looks like one whose owner was replaced. Never rejects. */
  refusal(error: KafkaError): Promise<Error>;
}

export interface ProducerOptions {
  readonly identity: ProducerIdentity;
  readonly transaction?: TransactionalScope | undefined;
  /** Ms that a batch waits for more records. */
  readonly lingerMs: number;
  /** Bytes of a batch before compression. */
  readonly batchBytes: number;
  readonly compression?: Compression | undefined;
  /** Ms from its first record on after which a batch that could not be stored is given up. */
  readonly deliveryTimeout: number;
  readonly budget: ByteBudget;
  readonly lane: string;
  /**
   * Another identity for one partition, outside transactions: where a broker takes batches for out of order that it may have stored
   * already, they are sent once more under that, and may double. Absent: the producer fails.
   */
  readonly renew?: ((partition: TopicPartition, cause: KafkaError) => Promise<ProducerIdentity>) | undefined;
  /** The producer can do nothing more. */
  onFailure(error: Error): void;
}

/** Requests under way to one leader. A second one is encoded while the first is stored. */
const IN_FLIGHT = 2;
/** Bytes of a request, one batch more or less. Brokers take 100 MB (`socket.request.max.bytes`). */
const REQUEST_BYTES = 16 * 1024 * 1024;

/**
 * Writes batches of one producer identity to any number of partitions: gathers records for each, sends what is full, has waited
 * long enough or is flushed, in one request for each leader, and sends again what failed, in order and under the same sequence
 * numbers. While a request is under way what comes meanwhile waits for it, so that batches grow with the load.
 */
export class Producer {
  readonly #queues = new Map<string, PartitionQueue>();
  readonly #requests = new Map<number, number>();
  #failure: Error | undefined;
  /** Only batches of a flush are sent. */
  #held = false;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #refreshing = false;
  #joining = false;
  #closed = false;

  constructor(
    private readonly client: KafkaClient,
    private readonly options: ProducerOptions,
  ) {}

  /**
   * Takes records over, all or none. What becomes of them shows at the next {@link flush}.
   * @param check told of the bytes of all values, and of the largest record; what it throws is thrown on, and nothing was taken
   * @returns bytes of the values
   */
  write(queue: PartitionQueue, records: OutgoingValues, prefix?: Uint8Array, check?: (bytes: number, largest: number) => void): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (records.values.length === 0) return 0;
    const { open } = queue;
    const mark = open?.builder.mark();
    const batches = [open ?? this.#begin()];
    let bytes = -(mark?.valueBytes ?? 0);
    let size = open === undefined ? 0 : -open.builder.size;
    try {
      let largest = 0;
      for (let from = 0; ; ) {
        const { builder } = batches.at(-1)!;
        from = builder.append(records, from, prefix);
        bytes += builder.valueBytes;
        size += builder.size;
        largest = Math.max(largest, builder.largest);
        if (!builder.full) break;
        batches.push(this.#begin());
      }
      check?.(bytes, largest);
    } catch (error) {
      if (mark !== undefined) open?.builder.rewind(mark);
      for (const batch of batches) if (batch !== open) this.options.budget.reuse(batch.builder);
      throw error;
    }
    for (const batch of batches) {
      if (batch !== open) queue.close();
      queue.open = batch;
    }
    this.options.budget.add(size);
    if (batches.length > 1) this.#poke();
    this.#wakeAt(batches.at(-1)!.since + this.options.lingerMs);
    return bytes;
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
        for (const barrier of batch.barriers) barrier.fail(this.#failure);
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
    return { builder: this.options.budget.builder(this.options.batchBytes), since: performance.now(), barriers: [], bytes: undefined, sequence: -1, attempts: 0 };
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
      if (queue.isRenewing && !queue.renew()) continue;
      const batch = queue.next() ?? (queue.waiting.length === 0 && queue.inFlight.size < 5 ? queue.open : undefined);
      if (batch === undefined || (this.#held && batch.barriers.length === 0)) continue;
      if (this.#joining && !queue.joined) continue;
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
    this.#joinAll([...urgent].flatMap((leader) => ready.get(leader) ?? []));
    for (const leader of urgent) void this.#send(leader, ready.get(leader) ?? []);
    if (urgent.size > 0) this.#poke();
    if (lost.size > 0) void this.#refresh([...lost]);
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    const sent: { readonly queue: PartitionQueue; readonly batch: Batch }[] = [];
    let bytes = 0;
    // Who waits longest comes first, should there be too much for one request.
    for (const queue of queues.length > 1 ? [...queues].sort((a, b) => sinceOf(a) - sinceOf(b)) : queues) {
      if (bytes > REQUEST_BYTES) break;
      if (this.options.transaction !== undefined && !queue.joined) continue;
      if (queue.waiting.length === 0 && !this.#held) queue.close();
      const batch = queue.send();
      if (batch === undefined) continue;
      bytes += batch.builder.size;
      sent.push({ queue, batch });
    }
    if (sent.length === 0) return;
    this.#requests.set(leader, (this.#requests.get(leader) ?? 0) + 1);
    const stale = await this.#request(leader, sent);
    this.#requests.set(leader, (this.#requests.get(leader) ?? 1) - 1);
    if (stale.length > 0) await this.#refresh(stale);
    this.#poke();
  }

  /** Has partitions made part of the transaction, all in one request. What is written meanwhile waits for the next. */
  #joinAll(queues: readonly PartitionQueue[]): void {
    const { transaction } = this.options;
    const joining = queues.filter((queue) => !queue.joined);
    if (transaction === undefined || joining.length === 0 || this.#joining) return;
    this.#joining = true;
    transaction.join(joining.map(({ topic, partition }) => ({ topic, partition }))).then(
      () => {
        this.#joining = false;
        for (const queue of joining) queue.joined = true;
        this.#poke();
      },
      (error: unknown) => this.#fail(toError(error)),
    );
  }

  /** Sends one batch of each partition. Gives the topics whose leaders have to be asked for anew; never rejects. */
  async #request(leader: number, sent: readonly { readonly queue: PartitionQueue; readonly batch: Batch }[]): Promise<readonly string[]> {
    const { identity, transaction, compression } = this.options;
    const byKey = new Map<string, (typeof sent)[number]>();
    for (const each of sent) byKey.set(`${each.queue.partition} ${each.queue.topic}`, each);
    const stale = new Set<string>();
    try {
      const batches = sent.map(({ queue, batch }) => {
        const { topic, partition } = queue;
        batch.bytes ??= batch.builder.seal({ ...(queue.identity ?? identity), baseSequence: batch.sequence, transactional: transaction !== undefined, compression });
        return { topic, partition, records: batch.bytes };
      });
      failPoint('before-send');
      const sending = this.client.node(leader, this.options.lane).send(produce({ transactionalId: transaction?.transactionalId ?? null, timeout: 30_000, batches }), { timeout: 35_000 });
      failPoint('before-ack');
      const answer = await sending;
      if (this.#closed) return [];
      for (const { topic, partition, errorCode, reason, baseOffset } of answer) {
        const each = byKey.get(`${partition} ${topic}`);
        if (each === undefined) continue;
        byKey.delete(`${partition} ${topic}`);
        const place = { api: 'Produce', topic, partition };
        // A batch that was sent again and that the broker has had since long: where it stands, and so where the partition ends, is not known.
        const error = protocolError(errorCode, place, reason) ?? (baseOffset < 0 ? new KafkaError('malformed', 'the broker acknowledged records without their offset', place) : undefined);
        if (error === undefined) this.#acknowledge(each.queue, each.batch, baseOffset);
        else this.#retry(each.queue, each.batch, error, stale);
      }
      for (const { queue, batch } of byKey.values()) {
        const { topic, partition } = queue;
        this.#retry(queue, batch, new KafkaError('malformed', 'the broker left a partition out of its answer', { api: 'Produce', topic, partition }), stale);
      }
    } catch (error) {
      for (const { queue, batch } of byKey.values()) this.#retry(queue, batch, error, stale);
    }
    return [...stale];
  }

  #acknowledge(queue: PartitionQueue, batch: Batch, baseOffset: number): void {
    if (this.#closed) return;
    queue.acknowledge(batch, baseOffset);
    queue.retryAt = 0;
    this.options.budget.add(-batch.builder.size);
    this.options.budget.reuse(batch.builder);
    for (const barrier of batch.barriers) barrier.pass();
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
    const isForgotten = KafkaError.is(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER') && batch.attempts > 1 && queue.hasLater(batch);
    if (isForgotten && this.#renew(queue, batch, error)) return;
    queue.giveBack(batch);
    const { transaction } = this.options;
    if (transaction !== undefined && KafkaError.is(error, 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED')) {
      queue.retryAt = Infinity;
      void transaction.refusal(error).then((refusal) => this.#fail(refusal));
      return;
    }
    const [code, what] = failureOf(error, again);
    this.#fail(new MillraceError(isForgotten ? 'MILLRACE_TRANSACTION_LOST' : code, `${batch.builder.count} records could not be written to partition ${partition} of topic ${topic}: ${what}`, { channel: topic, partition, cause: error }));
  }

  /**
   * A broker that was restarted knows the last batch of a producer alone, and takes those before it for out of order, which it may
   * have stored without telling. As Kafka's own producer it goes on as another one then (KIP-360).
   */
  #renew(queue: PartitionQueue, batch: Batch, error: KafkaError): boolean {
    const { renew } = this.options;
    if (renew === undefined) return false;
    queue.giveBack(batch);
    queue.isRenewing = true;
    renew({ topic: queue.topic, partition: queue.partition }, error).then(
      (identity) => {
        queue.successor = identity;
        this.#poke();
      },
      (failure: unknown) => this.#fail(toError(failure)),
    );
    return true;
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

function failureOf(error: unknown, timedOut: boolean): ['MILLRACE_TIMEOUT' | 'MILLRACE_RECORD_TOO_LARGE' | 'MILLRACE_BACKEND_FAILED', string] {
  const what = error instanceof Error ? error.message : String(error);
  if (timedOut) return ['MILLRACE_TIMEOUT', what];
  if (KafkaError.is(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')) return ['MILLRACE_RECORD_TOO_LARGE', `${what}. Set producer.batchBytes, and recordBytes, below the topic's max.message.bytes, or raise that`];
  return ['MILLRACE_BACKEND_FAILED', what];
}

/** When the first record came of what the partition sends next. */
function sinceOf({ waiting: [first], open }: PartitionQueue): number {
  return (first ?? open)?.since ?? Infinity;
}
