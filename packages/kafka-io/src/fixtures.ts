import { NO_VALUE, type ChannelReader, type OutgoingBatch, type Owner, type RecordBatch, type Session, type Transport } from '@millrace/core';
import { randomBytes } from 'node:crypto';
import { expect, vi } from 'vitest';

let names = 0;
/** Of a topic, group, pipeline: nobody else has it. */
export function unique(label: string): string {
  return `${label}-${randomBytes(4).toString('hex')}-${++names}`;
}

export function batchOf(values: readonly string[], partition = 0): OutgoingBatch {
  const encoded = values.map((value) => Buffer.from(value));
  const bounds = new Uint32Array(2 * values.length).fill(NO_VALUE);
  let at = 0;
  for (const [i, value] of encoded.entries()) {
    bounds[2 * i] = at;
    bounds[2 * i + 1] = at += value.length;
  }
  return { partition, count: values.length, bytes: Buffer.concat(encoded), bounds, schema: '', timestamp: 1_750_000_000_000 };
}

export function valuesOf({ bytes, bounds, count }: RecordBatch): string[] {
  return Array.from({ length: count }, (_, i) => Buffer.from(bytes.subarray(bounds[2 * i], bounds[2 * i + 1])).toString());
}

export function open(transport: Transport, id: string, owner: Partial<Owner> = {}): Promise<Session> {
  return transport.open({ id, delivery: 'at-least-once', wake() {}, ...owner });
}

/** Reads until there are so many values. */
export async function read(reader: ChannelReader, count: number): Promise<{ values: string[]; next: Map<number, number> }> {
  const values: string[] = [];
  const next = new Map<number, number>();
  await vi.waitFor(() => {
    for (let batch = reader.readRecords(); batch !== undefined; batch = reader.readRecords()) {
      values.push(...valuesOf(batch));
      next.set(batch.partition, batch.next);
    }
    expect(values.length).toBeGreaterThanOrEqual(count);
  }, { timeout: 20_000, interval: 10 });
  return { values, next };
}
