import type { RecordBatch } from '@millrace/core';
import type { Listener, Partition, Place } from './partition.js';

/** Who reads: what a cursor tells of what it fetched. */
export interface Fetching {
  wake(): void;
  fail(error: unknown): void;
}

/** A reader's place in a partition. It has a chunk fetched ahead, so that reads need not wait. */
export class Cursor implements Listener {
  /** The next offset to give out. */
  at = 0;
  paused = false;
  #ready: RecordBatch[] = [];
  /** Where to fetch on, after what is ready. */
  #place: Place = { offset: 0 };
  #fetch: Promise<void> | undefined;
  #closed = false;

  constructor(
    readonly partition: Partition,
    private readonly reader: Fetching,
  ) {
    partition.cursors.add(this);
  }

  /** Whether there is something to read, fetched or not. */
  get behind(): boolean {
    return this.at < this.partition.end;
  }

  /** Whether records are on their way; a wake follows. */
  get isFetching(): boolean {
    return this.#fetch !== undefined;
  }

  moveTo(offset: number): void {
    this.at = Math.max(offset, this.partition.start);
    this.#ready = [];
    this.#place = { offset: this.at };
    this.more();
  }

  take(): RecordBatch | undefined {
    const batch = this.#ready.shift();
    if (batch !== undefined) this.at = batch.next;
    this.more();
    return batch;
  }

  /** Fetches, where nothing is fetched and something is there; a wake follows. */
  more(): void {
    if (this.#fetch !== undefined || this.#ready.length > 0 || this.paused || this.#closed || this.#place.offset >= this.partition.end) return;
    const place = this.#place;
    this.#fetch = this.partition.read(place).then(
      ({ batches, place: next }) => {
        this.#fetch = undefined;
        if (this.#closed) return;
        // It may have been moved meanwhile.
        if (this.#place === place) {
          this.#ready.push(...batches);
          this.#place = next;
        }
        this.more();
        this.reader.wake();
      },
      (error: unknown) => {
        this.#fetch = undefined;
        if (!this.#closed) this.reader.fail(error);
      },
    );
  }

  wake(): void {
    this.reader.wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.partition.cursors.delete(this);
    await this.#fetch;
  }
}
