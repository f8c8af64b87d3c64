import type { ChannelReader, ChannelWriter, CommitResult, Offsets, OutgoingBatch, Owner, Positions, RecordBatch, ReaderOptions, Session, StateChanges, Transport } from '@millrace/core';
import { broken, holds } from './check.js';
import { entriesOf, type Entry } from './records.js';
import type { Waiting } from './waiting.js';

/** What one {@link Replica.read} gave. */
export interface Reading {
  readonly entries: readonly Entry[];
  readonly values: readonly (string | undefined)[];
  /** What to commit for it. */
  readonly positions: Positions;
}

/** A session as a replica uses it: it sleeps on its wake alone, so that a wake that is missing shows as a time-out. */
export class Replica {
  /** How often it was woken. */
  wakes = 0;
  /** True at first: what happened before there was a replica to wake is looked for without a wake. */
  #awake = true;
  #wake: (() => void) | undefined;
  readonly #next = new Map<ChannelReader, Map<number, number>>();

  private constructor(
    readonly session: Session,
    private readonly waiting: Waiting,
  ) {}

  static async open(transport: Transport, owner: Omit<Owner, 'wake'>, waiting: Waiting): Promise<Replica> {
    const bell: { ring: () => void } = { ring: () => undefined };
    const session = await waiting.within(transport.open({ ...owner, wake: () => bell.ring() }), `open of ${owner.id}`);
    const replica = new Replica(session, waiting);
    bell.ring = () => replica.wake();
    return replica;
  }

  private wake(): void {
    this.wakes++;
    this.#awake = true;
    this.#wake?.();
  }

  /** Sleeps until the next wake; not at all where one came since the last call. */
  async awake(what: string): Promise<void> {
    if (!this.#awake) {
      await this.waiting.within(new Promise<void>((resolve) => (this.#wake = resolve)), `a wake: ${what}`);
      this.#wake = undefined;
    }
    this.#awake = false;
  }

  /** A reader at its committed positions. */
  async reader(channel: string, options: Partial<ReaderOptions> = {}): Promise<ChannelReader> {
    const { reader } = await this.placed(channel, options);
    return reader;
  }

  /** A reader, and where it was placed. */
  async placed(channel: string, options: Partial<ReaderOptions> = {}): Promise<{ reader: ChannelReader; offsets: Offsets }> {
    const reader = await this.waiting.within(this.session.reader(channel, { group: channel, partitions: [0], start: 'earliest', ...options }), `a reader of ${channel}`);
    const offsets = await this.waiting.within(reader.loadInputRecordOffset(), `loadInputRecordOffset of ${channel}`);
    this.#next.set(reader, new Map(offsets));
    return { reader, offsets };
  }

  async writer(channel: string): Promise<ChannelWriter> {
    return this.waiting.within(this.session.writer(channel), `a writer of ${channel}`);
  }

  /** Writes, and waits for room where there is none. */
  async write(writer: ChannelWriter, batch: OutgoingBatch): Promise<void> {
    await this.waiting.within(writer.writeRecords(batch) ?? Promise.resolve(), `room in ${writer.channel}`);
  }

  async commit(positions: Positions = new Map(), state?: StateChanges): Promise<CommitResult> {
    return this.waiting.within(Promise.resolve(this.session.commit(positions, state)), `a commit of ${this.session.owner}`);
  }

  /** Writes and commits: other sessions can read it then. */
  async publish(writer: ChannelWriter, ...batches: readonly OutgoingBatch[]): Promise<CommitResult> {
    for (const batch of batches) await this.write(writer, batch);
    return this.commit();
  }

  /** Reads until it has so many records. Fails where the batches leave gaps that the SPI does not allow, overlap or run short. */
  async read(reader: ChannelReader, count: number): Promise<Reading> {
    const entries: Entry[] = [];
    const next = new Map<number, number>();
    while (entries.length < count) {
      const batch = reader.readRecords();
      if (batch === undefined) {
        if (this.session.failure !== undefined) throw broken(`the session of ${this.session.owner} failed while reading`, this.session.failure);
        await this.awake(`${count - entries.length} of ${count} records of ${reader.channel} are still to come`);
        continue;
      }
      for (const entry of this.take(reader, batch)) entries.push(entry);
      next.set(batch.partition, batch.next);
    }
    holds(entries.length === count, `${count} records are there to read, not ${entries.length}`);
    return { entries, values: entries.map(({ value }) => value), positions: new Map([[reader, next]]) };
  }

  /** Takes a batch apart and holds it against the batches before it. */
  take(reader: ChannelReader, batch: RecordBatch): Entry[] {
    holds(reader.partitions.includes(batch.partition), `a reader of ${reader.partitions.join()} gives no batch of partition ${batch.partition}`);
    const entries = entriesOf(batch);
    const positions = this.#next.get(reader);
    const from = positions?.get(batch.partition) ?? 0;
    const first = entries[0]?.offset ?? batch.next;
    holds(first >= from, `batches of a partition do not overlap: one begins at ${first}, the last one ended at ${from}`);
    positions?.set(batch.partition, batch.next);
    return entries;
  }

  /** Moves a reader, and what is expected of its next batch. */
  seek(reader: ChannelReader, partition: number, offset: number): void {
    reader.seek(partition, offset);
    this.#next.get(reader)?.set(partition, offset);
  }

  /** Holds that there is nothing to read, now and after the backend had the time to answer a question. */
  async nothing(reader: ChannelReader, what: string): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      this.#awake = false; // it looks now: from here on it sleeps until the next wake
      const batch = reader.readRecords();
      holds(batch === undefined || batch.count === 0, `${what}, but a batch of ${batch?.count ?? 0} records came`);
      if (batch !== undefined) this.take(reader, batch);
      await this.waiting.within(reader.endOffsets(), `endOffsets of ${reader.channel}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
