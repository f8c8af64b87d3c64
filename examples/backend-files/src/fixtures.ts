import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelReader, ChannelWriter, OutgoingBatch, Session, Transport } from '@millrace/core';
import { filesBackend } from './index.js';

/** A folder of its own, which `remove` removes. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'backend-files-'));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

export function batchOf(...values: readonly string[]): OutgoingBatch {
  const bytes = values.map((value) => Buffer.from(value));
  const bounds = new Uint32Array(2 * values.length);
  let at = 0;
  for (const [i, { byteLength }] of bytes.entries()) bounds.set([at, (at += byteLength)], 2 * i);
  return { partition: 0, count: values.length, bytes: Buffer.concat(bytes), bounds, schema: '0123456789abcdef', timestamp: 1_750_000_000_000 };
}

/** A replica that writes to the channel `lines` and reads it. */
export class Replica {
  #wake: (() => void) | undefined;
  session!: Session;
  writer!: ChannelWriter;
  reader!: ChannelReader;

  private constructor(readonly transport: Transport) {}

  static async open(folder: string, options?: { readonly segmentBytes?: number }, retention = {}): Promise<Replica> {
    const replica = new Replica(await filesBackend.connect(`files:${folder}`, options));
    const { transport } = replica;
    try {
      await transport.createResources([{ name: 'lines', partitions: 1, groups: ['readers'], retention }]);
      replica.session = await transport.open({ id: 'replica', delivery: 'exactly-once', wake: () => replica.#wake?.() });
      replica.writer = await replica.session.writer('lines');
      replica.reader = await replica.session.reader('lines', { group: 'readers', partitions: [0], start: 'earliest' });
      return replica;
    } catch (error) {
      await transport.close();
      throw error;
    }
  }

  async write(...values: readonly string[]): Promise<void> {
    await this.writer.writeRecords(batchOf(...values));
    await this.session.commit(new Map());
  }

  /** The values from the reader's position to the end, and the position after them. */
  async read(): Promise<{ readonly values: readonly string[]; readonly next: number }> {
    const values: string[] = [];
    let next = 0;
    while (this.reader.hasRecords()) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      const batch = this.reader.readRecords();
      if (batch === undefined) {
        await woken;
        continue;
      }
      for (let i = 0; i < batch.count; i++) values.push(Buffer.from(batch.bytes.subarray(batch.bounds[2 * i], batch.bounds[2 * i + 1])).toString());
      next = batch.next;
    }
    return { values, next };
  }

  async commit(next: number): Promise<void> {
    await this.session.commit(new Map([[this.reader, new Map([[0, next]])]]));
  }

  async close(): Promise<void> {
    await this.transport.close();
  }
}
