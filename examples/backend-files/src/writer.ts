import { largestRecord, MillraceError, type ChannelWriter, type OutgoingBatch } from '@millrace/core';
import type { Channel } from './channel.js';
import { LIMITS } from './location.js';
import type { FilesSession } from './session.js';

export class FilesWriter implements ChannelWriter {
  constructor(
    private readonly session: FilesSession,
    readonly source: Channel,
  ) {}

  get channel(): string {
    return this.source.name;
  }

  get partitions(): number {
    return this.source.partitions.length;
  }

  /** There is always room: what a step may write is bounded by its session, and the channel is not. */
  writeRecords(batch: OutgoingBatch): undefined {
    this.session.check();
    this.source.check();
    this.source.partition(batch.partition);
    this.#verify(batch);
    if (batch.count > 0) this.session.stage(this, batch);
  }

  #verify(batch: OutgoingBatch): void {
    const { bounds, count, partition, objects } = batch;
    if (objects !== undefined) throw new MillraceError('MILLRACE_CAPABILITY_MISSING', 'this backend carries encoded records only', { channel: this.channel, partition });
    if (bounds.length !== 2 * count) throw new MillraceError('MILLRACE_VALUE_INVALID', `a batch of ${count} records has ${bounds.length} bounds`, { channel: this.channel, partition });
    const size = largestRecord(batch);
    if (size > LIMITS.recordBytes) throw new MillraceError('MILLRACE_RECORD_TOO_LARGE', `a record has ${size} bytes, and ${LIMITS.recordBytes} are allowed`, { channel: this.channel, partition });
  }
}
