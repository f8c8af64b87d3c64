import type { ChannelReader, Codec, RecordBatch } from '@millrace/core';
import { valuesOf } from './values.js';

/** A record that an operator sent, with all that goes along with its value. */
export interface SentEntry<out T> {
  readonly value: T;
  /** As text (UTF-8); `null` where it has none. */
  readonly key: string | null;
  /** By name, as text; of equal names the last one. */
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch ms. */
  readonly timestamp: number;
  readonly partition: number;
  readonly offset: number;
}

const utf8 = new TextDecoder();

/** Reads what an operator sent to a port, as an operator behind it would see it: with exactly-once, what is committed. */
export class HarnessOutput<out T> {
  readonly #codec: Codec<unknown>;
  readonly #reader: ChannelReader;

  constructor(codec: Codec<unknown>, reader: ChannelReader) {
    this.#codec = codec;
    this.#reader = reader;
  }

  /** The values since the last call, those of a partition in the order of sending, partition by partition. */
  take(): T[] {
    return this.takeEntries().map(({ value }) => value);
  }

  /** As {@link take}, with key, headers, timestamp, partition and offset. */
  takeEntries(): SentEntry<T>[] {
    const entries: SentEntry<T>[] = [];
    for (let batch = this.#reader.readRecords(); batch !== undefined; batch = this.#reader.readRecords()) entries.push(...this.#entries(batch));
    return entries.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  }

  #entries(batch: RecordBatch): SentEntry<T>[] {
    return valuesOf(this.#codec, batch).map((value, i) => ({
      value: value as T,
      key: textOf(batch.key(i)),
      headers: Object.fromEntries((batch.headers(i) ?? []).map(([name, bytes]) => [name, utf8.decode(bytes)])),
      timestamp: batch.timestamp(i),
      partition: batch.partition,
      offset: batch.offset(i),
    }));
  }
}

function textOf(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : utf8.decode(bytes);
}
