import { largestRecord, MillraceError, type ChannelWriter, type OutgoingBatch } from '@millrace/core';
import { weightOf } from './frame.js';
import { RECORD_BYTES } from './limits.js';
import type { ChannelFact } from './layout.js';

/** Records that wait for the commit of their session. */
export interface Staged {
  readonly writer: LocalWriter;
  readonly batch: OutgoingBatch;
  /** Bytes, about. */
  readonly weight: number;
}

/** What a writer needs of its session. */
export interface WriterHost {
  /** Throws where the session can do nothing more. */
  check(): void;
  /** Takes records for the next commit. @throws MillraceError `MILLRACE_STEP_TOO_LARGE` */
  stage(staged: Staged): void;
}

export class LocalWriter implements ChannelWriter {
  readonly partitions: number;

  constructor(
    private readonly host: WriterHost,
    readonly channel: string,
    readonly target: ChannelFact,
  ) {
    this.partitions = target.partitions;
  }

  /** There is always room: a disk has no end, and what a step may write is bounded by `maxStepBytes`. */
  writeRecords(batch: OutgoingBatch): undefined {
    this.host.check();
    this.#verify(batch);
    if (batch.count === 0) return;
    this.host.stage({ writer: this, batch, weight: weightOf(batch) });
  }

  #verify(batch: OutgoingBatch): void {
    const { partition, count, objects, bytes, bounds, schema } = batch;
    const where = { channel: this.channel, partition };
    if (!Number.isSafeInteger(partition) || partition < 0 || partition >= this.partitions) {
      throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `channel ${this.channel} has the partitions 0 to ${this.partitions - 1}, no ${partition}`, where);
    }
    if (objects !== undefined) throw new MillraceError('MILLRACE_CAPABILITY_MISSING', 'records by reference were sent to a local channel, which carries encoded ones only', where);
    if (bounds.length !== 2 * count) throw new MillraceError('MILLRACE_VALUE_INVALID', `a batch of ${count} records has ${bounds.length} bounds`, where);
    if (schema !== '' && !/^[\da-f]{16}$/.test(schema)) throw new MillraceError('MILLRACE_VALUE_INVALID', `the fingerprint of a schema has 16 hexadecimal digits, ${JSON.stringify(schema)} has not`, where);
    const mayExceed = bytes.byteLength > RECORD_BYTES || (batch.keys ?? batch.headers) !== undefined;
    if (mayExceed && largestRecord(batch) > RECORD_BYTES) {
      throw new MillraceError('MILLRACE_RECORD_TOO_LARGE', `a record of ${largestRecord(batch)} bytes exceeds the limit of ${RECORD_BYTES} bytes; send smaller records, or keep the payload elsewhere and send where it is`, where);
    }
  }
}
