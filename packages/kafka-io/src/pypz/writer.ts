import { MillraceError, type ChannelWriter, type OutgoingBatch } from '@millrace/core';

/** Tells when records may be sent; rejects where they never may. */
export interface Gate {
  readonly isOpen: boolean;
  readonly opened: Promise<void>;
}

/**
 * Writes bare Avro, record by record in turn over all partitions. Until a reader has shown up, what is written waits here: only then
 * is the number of partitions final, since pypz's reader deletes a topic that has another one, with its records.
 */
export class PypzChannelWriter implements ChannelWriter {
  readonly partitioner = 'round-robin';
  /** Records taken over so far. */
  written = 0;
  /** Comes true once nothing waits for the reader any more; rejects where it never came, or what waited cannot be written. */
  readonly released: Promise<void>;
  readonly #keys: readonly Uint8Array[];
  #held: OutgoingBatch[] = [];

  constructor(
    readonly inner: ChannelWriter,
    private readonly gate: Gate,
  ) {
    this.#keys = Array.from({ length: inner.partitions }, (_, partition) => Buffer.from(String(partition)));
    this.released = gate.opened.then(() => this.#release());
    // Whoever sends or commits meanwhile is told.
    this.released.catch(() => undefined);
  }

  get channel(): string {
    return this.inner.channel;
  }

  get partitions(): number {
    return this.inner.partitions;
  }

  /** Whether something waits for the reader. */
  get holds(): boolean {
    return this.#held.length > 0;
  }

  writeRecords(batch: OutgoingBatch): Promise<void> | undefined {
    const key = this.#keys[batch.partition];
    if (key === undefined) throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.channel} has the partitions 0 to ${this.partitions - 1}, no ${batch.partition}`, { channel: this.channel, partition: batch.partition });
    this.written += batch.count;
    // As pypz does: its readers take any key that is UTF-8.
    const keyed = batch.keys === undefined ? { ...batch, keys: new Array<Uint8Array>(batch.count).fill(key) } : batch;
    if (this.gate.isOpen && this.#held.length === 0) return this.inner.writeRecords(keyed);
    this.#held.push(keyed);
    return this.released;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const batch of held) void this.inner.writeRecords(batch);
  }
}
