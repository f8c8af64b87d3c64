import type { ChannelReader, ChannelWriter, Offsets, OutgoingBatch, RecordBatch } from '@millrace/core';
import type { Injector, Line, Place } from './injector.js';

/** A reader whose calls may go wrong. */
export class FaultyReader implements ChannelReader {
  readonly #place: Place;
  /** Gives nothing as long as this lasts. */
  #silent = false;

  constructor(
    readonly inner: ChannelReader,
    private readonly injector: Injector,
    private readonly line: Line,
    owner: string,
    private readonly wake: () => void,
  ) {
    this.#place = { owner, channel: inner.channel };
  }

  get channel(): string {
    return this.inner.channel;
  }

  get group(): string {
    return this.inner.group;
  }

  get partitions(): readonly number[] {
    return this.inner.partitions;
  }

  loadInputRecordOffset(): Promise<Offsets> {
    return this.injector.promised('reader.loadInputRecordOffset', this.#place, this.line, () => this.inner.loadInputRecordOffset());
  }

  readRecords(): RecordBatch | undefined {
    this.line.check();
    const due = this.injector.due('reader.readRecords', this.#place);
    if (due !== undefined) {
      if (due.action === 'fail' || due.action === 'cut') {
        if (due.after) this.inner.readRecords();
        throw this.line.failing(due);
      }
      this.#silent = true;
      if (due.action === 'delay') this.injector.clock.after(due.delay, () => this.#speak());
    }
    return this.#silent ? undefined : this.inner.readRecords();
  }

  hasRecords(): boolean {
    return this.injector.now('reader.hasRecords', this.#place, this.line, () => this.inner.hasRecords());
  }

  endOffsets(): Promise<Offsets> {
    return this.injector.promised('reader.endOffsets', this.#place, this.line, () => this.inner.endOffsets());
  }

  getConsumerLag(): Promise<Offsets> {
    return this.injector.promised('reader.getConsumerLag', this.#place, this.line, () => this.inner.getConsumerLag());
  }

  pause(partitions: readonly number[]): void {
    this.injector.now('reader.pause', this.#place, this.line, () => this.inner.pause(partitions));
  }

  resume(partitions: readonly number[]): void {
    this.injector.now('reader.resume', this.#place, this.line, () => this.inner.resume(partitions));
  }

  seek(partition: number, offset: number): void {
    this.injector.now('reader.seek', this.#place, this.line, () => this.inner.seek(partition, offset));
  }

  #speak(): void {
    this.#silent = false;
    this.wake();
  }
}

/** A writer whose calls may go wrong. */
export class FaultyWriter implements ChannelWriter {
  readonly #place: Place;

  constructor(
    readonly inner: ChannelWriter,
    private readonly injector: Injector,
    private readonly line: Line,
    owner: string,
  ) {
    this.#place = { owner, channel: inner.channel };
  }

  get channel(): string {
    return this.inner.channel;
  }

  get partitions(): number {
    return this.inner.partitions;
  }

  writeRecords(batch: OutgoingBatch): Promise<void> | undefined {
    const answer = this.injector.maybe<void>('writer.writeRecords', this.#place, this.line, () => this.inner.writeRecords(batch));
    return answer instanceof Promise ? answer : undefined;
  }
}
