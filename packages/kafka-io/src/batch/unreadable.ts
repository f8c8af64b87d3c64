import { MillraceError } from '@millrace/core';

/** Which record batch is being read. */
export interface BatchPlace {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the batch or record; the position asked for where not even that could be read. */
  readonly offset: number;
}

/** The error for bytes that are no record batch, or none that can be read here. */
export function unreadable({ topic, partition, offset }: BatchPlace, what: string, cause?: unknown): MillraceError {
  return new MillraceError('MILLRACE_BATCH_UNREADABLE', `topic ${topic}, partition ${partition}, offset ${offset}: ${what}`, { channel: topic, partition, offset, cause });
}
