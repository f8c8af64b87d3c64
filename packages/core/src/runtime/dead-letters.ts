import { NO_VALUE, TOMBSTONE } from '../channel/spi.js';
import { encodeToBuffer, type Codec } from '../codec/index.js';
import { MillraceError } from '../error/index.js';
import type { DeadLetter } from '../port/index.js';
import type { LostRecord } from './input-port.js';

/** The letter of a record that was given up: its bytes as they came, and why. */
export function deadLetterOf(record: LostRecord, at: { readonly replica: string; readonly channel: string; readonly codec: Codec<unknown> }): DeadLetter {
  const { batch, index, cause, attempts, port } = record;
  return {
    value: valueBytes(record, at.codec),
    key: batch.key(index) ?? null,
    headers: (batch.headers(index) ?? []).map(([name, value]) => ({ name, value })),
    timestamp: batch.timestamp(index),
    channel: at.channel,
    partition: batch.partition,
    offset: batch.offset(index),
    schema: batch.schema,
    operator: at.replica,
    port,
    attempts,
    cause: { code: MillraceError.is(cause) ? cause.code : null, message: cause.message, stack: cause.stack ?? null },
  };
}

function valueBytes({ batch, index }: LostRecord, codec: Codec<unknown>): Uint8Array | null {
  if (batch.objects !== undefined) return batch.objects[index] === TOMBSTONE ? null : encodeToBuffer(codec, batch.objects[index]);
  const start = batch.bounds[2 * index]!;
  return start === NO_VALUE ? null : batch.bytes.slice(start, batch.bounds[2 * index + 1]);
}
