import { failPoint, MillraceError, type ChannelReader, type Offsets, type ReaderOptions, type RecordBatch } from '@millrace/core';
import type { KafkaClient } from '../client/index.js';
import type { Fetcher } from '../fetch/fetcher.js';
import type { Subscription } from '../fetch/subscription.js';
import { askOffsets } from '../offsets.js';
import type { GroupPositions } from '../resources/group-positions.js';
import type { Trimmer } from '../resources/trimmer.js';

/** What a reader needs of its session and connection. */
export interface ReaderHost {
  readonly client: KafkaClient;
  readonly fetcher: Fetcher;
  readonly positions: GroupPositions;
  readonly trimmer: Trimmer;
  /** Throws where the session can do nothing more. */
  check(): void;
  wake(): void;
}

export interface TopicReading {
  /** The topic of the channel. */
  readonly topic: string;
  readonly framing: 'single-object' | 'none';
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
}

/** Reads some partitions of a topic from the committed positions of a group on. */
export class KafkaChannelReader implements ChannelReader {
  readonly group: string;
  readonly partitions: readonly number[];
  /** Records given so far. */
  given = 0;
  readonly #cursors: readonly Cursor[];
  readonly #paused = new Set<number>();
  #turn = 0;
  #unwatch: (() => void) | undefined;

  constructor(
    readonly host: ReaderHost,
    readonly channel: string,
    readonly reading: TopicReading,
    private readonly options: ReaderOptions,
  ) {
    this.group = options.group;
    this.partitions = [...options.partitions];
    this.#cursors = this.partitions.map((partition) => ({ partition, subscription: undefined, told: 0 }));
  }

  async loadInputRecordOffset(): Promise<Offsets> {
    const { host, partitions, options, group } = this;
    const { topic, framing, reset, patience } = this.reading;
    host.check();
    failPoint('after-fence');
    const offsets = new Map(await host.positions.committed(group, topic, partitions));
    const without = partitions.filter((partition) => !offsets.has(partition));
    if (without.length > 0) {
      const ends = options.start === 'earliest' ? undefined : await askOffsets(host.client, topic, without, 'latest', 'read_committed');
      for (const [partition, offset] of await askOffsets(host.client, topic, without, options.start, 'read_committed')) offsets.set(partition, offset < 0 ? (ends?.get(partition) ?? 0) : offset);
    }
    const ends = await askOffsets(host.client, topic, partitions, 'latest', 'read_committed');
    host.check();
    this.#release();
    if (options.external !== true) this.#unwatch = host.trimmer.watch(topic, partitions);
    for (const cursor of this.#cursors) {
      const offset = offsets.get(cursor.partition) ?? 0;
      cursor.told = offset;
      cursor.subscription = host.fetcher.subscribe(topic, cursor.partition, offset, { framing, reset, patience, wake: () => host.wake() });
      cursor.subscription.end = ends.get(cursor.partition) ?? offset;
      cursor.subscription.paused = this.#paused.has(cursor.partition);
    }
    return offsets;
  }

  readRecords(): RecordBatch | undefined {
    this.host.check();
    const cursors = this.#cursors;
    for (let tried = 0; tried < cursors.length; tried++) {
      const cursor = cursors[this.#turn];
      this.#turn = this.#turn + 1 === cursors.length ? 0 : this.#turn + 1;
      const subscription = cursor?.subscription;
      if (cursor === undefined || subscription === undefined || subscription.paused) continue;
      const batch = subscription.take() ?? passed(cursor, subscription);
      if (batch !== undefined) {
        cursor.told = batch.next;
        this.given += batch.count;
        return batch;
      }
      if (subscription.failure !== undefined) throw subscription.failure;
    }
    return undefined;
  }

  hasRecords(): boolean {
    this.host.check();
    return this.#cursors.some(({ subscription, told }) => subscription !== undefined && !subscription.paused && (subscription.hasRecords || subscription.position > told || subscription.failure !== undefined));
  }

  async endOffsets(): Promise<Offsets> {
    this.host.check();
    return askOffsets(this.host.client, this.reading.topic, this.partitions, 'latest', 'read_committed');
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
      const end = Math.max(subscription?.end ?? 0, subscription?.fetchOffset ?? 0);
      if (Number.isSafeInteger(offset) && offset >= 0 && offset <= end) continue;
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `position ${offset} lies outside channel ${this.channel}, which ends at ${end}`, { channel: this.channel, partition, offset });
    }
  }

  close(): void {
    this.#release();
  }

  #release(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    for (const cursor of this.#cursors) {
      if (cursor.subscription !== undefined) this.host.fetcher.unsubscribe(cursor.subscription);
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

/** A batch of no records, where markers and what was aborted came after the last one: only so does the position pass them. */
function passed(cursor: Cursor, subscription: Subscription): RecordBatch | undefined {
  if (subscription.position <= cursor.told) return undefined;
  const next = subscription.position;
  return { partition: cursor.partition, count: 0, next, objects: undefined, bytes: NOTHING, bounds: NO_BOUNDS, schema: '', offset: () => next, timestamp: () => 0, key: () => undefined, headers: () => undefined };
}
