import { MillraceError, singleObjectHeader, type ChannelWriter, type Offsets, type OutgoingBatch, type OutgoingValues, type WrittenValues } from '@millrace/core';
import { laidOut } from '../batch/index.js';
import type { PartitionQueue } from '../produce/partition-queue.js';
import type { Producer } from '../produce/producer.js';

/** What a writer needs of its session. */
export interface WriterHost {
  readonly producer: Producer;
  readonly recordBytes: number;
  /** Throws where the session can do nothing more. */
  check(): void;
  /** Counts bytes of a step. @throws MillraceError `MILLRACE_STEP_TOO_LARGE`, and then they are not counted. */
  stage(bytes: number, channel: string): void;
  /** A promise of room where too much waits to be sent. */
  readonly room: Promise<void> | undefined;
}

/** Writes records of a session into a topic. */
export class KafkaChannelWriter implements ChannelWriter {
  readonly #queues: readonly PartitionQueue[];
  #written = new Set<PartitionQueue>();
  #schema: string | undefined;
  #prefix: Uint8Array | undefined;

  constructor(
    private readonly host: WriterHost,
    readonly channel: string,
    topic: string,
    readonly partitions: number,
    private readonly framing: 'single-object' | 'none',
  ) {
    this.#queues = Array.from({ length: partitions }, (_, partition) => host.producer.queue(topic, partition));
  }

  writeRecords(batch: OutgoingBatch): Promise<void> | undefined {
    return this.writeValues(laidOut(batch)).room;
  }

  writeValues(records: OutgoingValues): WrittenValues {
    const { host } = this;
    host.check();
    if (records.values.length === 0) return { bytes: 0, room: undefined };
    const { partition } = records;
    const queue = this.#queues[partition];
    if (queue === undefined) {
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.channel} has the partitions 0 to ${this.partitions - 1}, no ${partition}`, { channel: this.channel, partition });
    }
    const bytes = host.producer.write(queue, records, this.#prefixOf(records.schema), (total, largest) => {
      if (largest > host.recordBytes) throw new MillraceError('MILLRACE_RECORD_TOO_LARGE', `a record of ${largest} bytes for channel ${this.channel} exceeds the limit of ${host.recordBytes}`, { channel: this.channel, partition });
      host.stage(total, this.channel);
    });
    this.#written.add(queue); // once it was taken: where nothing was, nothing ends
    return { bytes, room: host.room };
  }

  /** Takes the partitions written since the last call. */
  takeWritten(): ReadonlySet<PartitionQueue> {
    const written = this.#written;
    this.#written = new Set();
    return written;
  }

  #prefixOf(schema: string): Uint8Array | undefined {
    if (this.framing === 'none' || schema === '') return undefined;
    if (schema !== this.#schema) {
      this.#schema = schema;
      this.#prefix = singleObjectHeader(schema);
    }
    return this.#prefix;
  }
}

/** Where each writer's records end, as readers count: `markers` is what the end of a transaction adds behind them. */
export function endsOf(written: ReadonlySet<PartitionQueue>, markers: number): Offsets {
  return new Map(Array.from(written, ({ partition, end }) => [partition, (end ?? 0) + markers]));
}
