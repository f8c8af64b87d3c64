import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecordBatch, Session } from '@millrace/core';
import { localBackend } from '@millrace/local-io';
import type { Figure } from '../harness/figure.js';
import { percentile } from '../harness/statistics.js';
import { withFolder } from './folder.js';

export const CHANNEL = 'ticks';
export const FINGERPRINT = '0123456789abcdef';

const SECONDS = 10;
/** Records of the first seconds are not counted. */
const WARM_UP = 2000;
/** What a sync writes: about what a small commit does. */
const SYNC_BYTES = 16 * 1024;

/** From `writeRecords` in one process to `readRecords` in another, 1,000 records a second, beside what a sync of the same disk takes meanwhile. */
export async function latency(): Promise<readonly Figure[]> {
  return await withFolder(async (folder) => {
    const transport = await localBackend.connect(`local:${folder}`);
    await transport.createResources([{ name: CHANNEL, partitions: 1, groups: ['g'] }]);
    let wake = (): void => undefined;
    const session = await transport.open({ id: 'reader#0', delivery: 'exactly-once', wake: () => wake() });
    const child = fork(fileURLToPath(new URL('./ticker.js', import.meta.url)), [folder, String(SECONDS)]);
    const ended = once(child, 'exit');
    const syncs = measureSyncs(join(folder, 'sync'));
    const delays = await receive(session, 1000 * SECONDS, (listener) => (wake = listener));
    const syncDelays = syncs.stop();
    await ended;
    await session.close();
    await transport.close();
    const counted = delays.slice(WARM_UP);
    return [
      figure('p50', percentile(counted, 0.5), percentile(syncDelays, 0.5), 1.5),
      figure('p99', percentile(counted, 0.99), percentile(syncDelays, 0.99), 10),
    ];
  });
}

function figure(which: string, value: number, sync: number, above: number): Figure {
  return {
    bench: `local/latency-${which}`, value, unit: 'ms',
    peer: { name: 'fdatasync', value: sync, ratio: value / sync },
    target: { at: 'most', value: (sync + above) / sync },
  };
}

async function receive(session: Session, records: number, listen: (wake: () => void) => void): Promise<number[]> {
  let awake = false;
  let ring = (): void => undefined;
  listen(() => {
    awake = true;
    ring();
  });
  const reader = await session.reader(CHANNEL, { group: 'g', partitions: [0], start: 'earliest' });
  await reader.loadInputRecordOffset();
  const delays: number[] = [];
  while (delays.length < records) {
    const batch = reader.readRecords();
    if (batch !== undefined) {
      note(delays, batch);
      continue;
    }
    if (!awake) await new Promise<void>((resolve) => (ring = resolve));
    awake = false;
  }
  return delays;
}

function note(delays: number[], batch: RecordBatch): void {
  const now = performance.timeOrigin + performance.now();
  const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  for (let i = 0; i < batch.count; i++) delays.push(now - view.getFloat64(batch.bounds[2 * i] ?? 0, true));
}

/** Writes and syncs a file of its own now and then, in ms each. */
function measureSyncs(path: string): { stop(): number[] } {
  const file = openSync(path, 'w');
  const bytes = Buffer.alloc(SYNC_BYTES);
  const delays: number[] = [];
  const timer = setInterval(() => {
    const startedAt = performance.now();
    writeSync(file, bytes, 0, bytes.byteLength, SYNC_BYTES * (delays.length % 64));
    fdatasyncSync(file);
    delays.push(performance.now() - startedAt);
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      closeSync(file);
      return delays;
    },
  };
}
