import { failPoint, MillraceError, toError, type ChannelReader, type Offsets, type ReaderOptions, type RecordBatch } from '@millrace/core';
import type { Isolation, KafkaClient } from '../client/index.js';
import type { Fetcher } from '../fetch/fetcher.js';
import type { Subscription } from '../fetch/subscription.js';
import { askOffsets } from '../offsets.js';
import type { GroupPositions } from '../resources/group-positions.js';
import type { TopicGrowth } from '../resources/topic-growth.js';
import type { Trimmer } from '../resources/trimmer.js';

/** What a reader needs of its session and connection. */
export interface ReaderHost {
  readonly client: KafkaClient;
  readonly positions: GroupPositions;
  readonly trimmer: Trimmer;
  readonly growth: TopicGrowth;
  fetcherOf(isolation: Isolation): Fetcher;
  /** Throws where the session can do nothing more. */
  check(): void;
  wake(): void;
}

export interface TopicReading {
  /** The topic of the channel. */
  readonly topic: string;
  readonly framing: 'single-object' | 'none';
  readonly isolation: Isolation;
  readonly reset: 'earliest' | 'latest' | 'fail';
  /** Ms for which a leader may be out of reach. */
  readonly patience: number;
}

interface Cursor {
  readonly partition: number;
  /** Undefined until the reader was placed. */
  subscription: Subscription | undefined;
  /** The position that the last batch told. */
  told: number;
  /** It joined while others were read, and no batch has told of it. */
  isNew: boolean;
}

/** Reads some partitions of a topic from the committed positions of a group on, and its share of those that the topic gets meanwhile. */
export class KafkaChannelReader implements ChannelReader {
  readonly group: string;
  readonly partitions: number[];
  /** Records given so far. */
  given = 0;
  readonly #cursors: Cursor[];
  readonly #paused = new Set<number>();
  #turn = 0;
  #unwatch: (() => void) | undefined;
  #growing = false;
  #failure: Error | undefined;

  constructor(
    readonly host: ReaderHost,
    readonly channel: string,
    readonly reading: TopicReading,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    this.#cursors = this.partitions.map((partition) => ({ partition, subscription: undefined, told: 0, isNew: false }));
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    const { host, partitions, options } = this;
    const { topic } = this.reading;
    host.check();
    failPoint('after-fence');
    const joined = this.#missing();
    const placed = await Promise.all([this.#place(partitions, options.start), this.#place(joined, 'earliest')]);
    host.check();
    this.#release();
    this.#join(joined, false);
    if (options.external !== true) this.#unwatch = host.trimmer.watch(topic, partitions);
    else if (options.share !== undefined) this.#unwatch = host.growth.watch(topic, () => this.#grow());
    const offsets = new Map(placed.flatMap((each) => [...each.offsets]));
    const ends = new Map(placed.flatMap((each) => [...each.ends]));
    for (const cursor of this.#cursors) this.#subscribe(cursor, { offsets, ends });
    return offsets;
  }

  readRecords(): RecordBatch | undefined {
    this.#check();
    const cursors = this.#cursors;
    for (let tried = 0; tried < cursors.length; tried++) {
      const cursor = cursors[this.#turn];
      this.#turn = this.#turn + 1 === cursors.length ? 0 : this.#turn + 1;
      const subscription = cursor?.subscription;
      if (cursor === undefined || subscription === undefined || subscription.paused) continue;
      const batch = subscription.take() ?? passed(cursor, subscription);
      if (batch !== undefined) {
        cursor.told = batch.next;
        cursor.isNew = false;
        this.given += batch.count;
        return batch;
      }
      if (subscription.failure !== undefined) throw subscription.failure;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.#check();
    return this.#cursors.some(({ subscription, told, isNew }) => subscription !== undefined && !subscription.paused && (isNew || subscription.hasRecords || subscription.position > told || subscription.failure !== undefined));
  }

  async endOffsets(): Promise<Offsets> {
    this.host.check();
    return askOffsets(this.host.client, this.reading.topic, this.partitions, 'latest', this.reading.isolation);
  }

  async getConsumerLag(): Promise<Offsets> {
    const ends = await this.endOffsets();
    return new Map(this.#cursors.map(({ partition, told, subscription }) => {
      const position = subscription === undefined || subscription.buffered > 0 ? told : subscription.position;
      return [partition, Math.max(0, (ends.get(partition) ?? 0) - position)];
    }));
  }

  pause(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const { subscription } = this.#cursor(partition);
      this.#paused.add(partition);
      if (subscription !== undefined) subscription.paused = true;
    }
  }

  resume(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const { subscription } = this.#cursor(partition);
      this.#paused.delete(partition);
      if (subscription === undefined) continue;
      subscription.paused = false;
      if (subscription.buffered > 0) this.host.wake();
    }
  }

  seek(partition: number, offset: number): void {
    const cursor = this.#cursor(partition);
    cursor.told = offset;
    cursor.subscription?.seek(offset);
  }

  /** Refuses positions that this reader cannot commit. */
  verify(offsets: Offsets): void {
    for (const [partition, offset] of offsets) {
      const { subscription } = this.#cursor(partition);
      // Who reads next would go on there in a topic that has only the name in common with this one.
      if (MillraceError.is(subscription?.failure, 'MILLRACE_CHANNEL_UNKNOWN')) throw subscription.failure;
      const end = Math.max(subscription?.end ?? 0, subscription?.fetchOffset ?? 0);
      if (Number.isSafeInteger(offset) && offset >= 0 && offset <= end) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${end}`, { channel: this.channel, partition, offset });
    }
  }

  close(): void {
    this.#release();
  }

  #check(): void {
    this.host.check();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Partitions of the topic that belong to this reader and that it does not read. */
  #missing(): number[] {
    const { share } = this.options;
    if (share === undefined) return [];
    const all = Array.from({ length: this.host.client.partitionCount(this.reading.topic) }, (_, partition) => partition);
    return all.filter((partition) => partition % share.of === share.index && !this.partitions.includes(partition));
  }

  /** Takes up partitions that the topic has got. Whatever was sent to them was sent while the group was there to read it. */
  #grow(): void {
    const joined = this.#missing();
    if (this.#growing || joined.length === 0) return;
    this.#growing = true;
    this.#place(joined, 'earliest')
      .then((placed) => {
        if (this.#unwatch === undefined) return; // closed meanwhile
        for (const cursor of this.#join(joined, true)) this.#subscribe(cursor, placed);
      })
      .catch((error: unknown) => (this.#failure = toError(error)))
      .finally(() => {
        this.#growing = false;
        this.host.wake();
      });
  }

  #join(partitions: readonly number[], isNew: boolean): readonly Cursor[] {
    const cursors = partitions.map((partition): Cursor => ({ partition, subscription: undefined, told: 0, isNew }));
    this.partitions.push(...partitions);
    this.#cursors.push(...cursors);
    return cursors;
  }

  /** Where partitions begin, and where they end by now. */
  async #place(partitions: readonly number[], start: ReaderOptions['start']): Promise<{ readonly offsets: Offsets; readonly ends: Offsets }> {
    if (partitions.length === 0) return { offsets: new Map(), ends: new Map() };
    const { client, positions } = this.host;
    const { topic, isolation } = this.reading;
    const offsets = new Map(await positions.committed(this.group, topic, partitions));
    const without = partitions.filter((partition) => !offsets.has(partition));
    if (without.length > 0) {
      const ends = start === 'earliest' ? undefined : await askOffsets(client, topic, without, 'latest', isolation);
      for (const [partition, offset] of await askOffsets(client, topic, without, start, isolation)) offsets.set(partition, offset < 0 ? (ends?.get(partition) ?? 0) : offset);
    }
    return { offsets, ends: await askOffsets(client, topic, partitions, 'latest', isolation) };
  }

  #subscribe(cursor: Cursor, { offsets, ends }: { readonly offsets: Offsets; readonly ends: Offsets }): void {
    const { partition } = cursor;
    const { topic, framing, isolation, reset, patience } = this.reading;
    const offset = offsets.get(partition) ?? 0;
    cursor.told = offset;
    cursor.subscription = this.host.fetcherOf(isolation).subscribe(topic, partition, offset, { framing, reset, patience, wake: () => this.host.wake() });
    cursor.subscription.end = ends.get(partition) ?? offset;
    cursor.subscription.paused = this.#paused.has(partition);
  }

  #release(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const cursor of this.#cursors) {
      if (cursor.subscription !== undefined) this.host.fetcherOf(this.reading.isolation).unsubscribe(cursor.subscription);
      cursor.subscription = undefined;
    }
  }

  #cursor(partition: number): Cursor {
    const cursor = this.#cursors.find((each) => each.partition === partition);
    if (cursor !== undefined) return cursor;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `partition ${partition} of channel ${this.channel} is not read here`, { channel: this.channel, partition });
  }
}

const NOTHING = new Uint8Array(0);
const NO_BOUNDS = new Uint32Array(0);

/**
 * A batch of no records, where markers and what was aborted came after the last one: only so does the position pass them. Also where a
 * partition has joined, which nobody above knows of.
 */
function passed(cursor: Cursor, subscription: Subscription): RecordBatch | undefined {
  if (subscription.position <= cursor.told && !cursor.isNew) return undefined;
  const next = subscription.position;
  return { partition: cursor.partition, count: 0, next, objects: undefined, bytes: NOTHING, bounds: NO_BOUNDS, schema: '', offset: () => next, timestamp: () => 0, key: () => undefined, headers: () => undefined };
}
