import { setTimeout as sleep } from 'node:timers/promises';
import type { PlacementKind, PlacementOptions } from 'millrace';
import { runFlow } from '../flow/flow.js';
import type { Reading } from '../flow/records.js';
import { Watch } from '../flow/watch.js';
import type { Figure } from '../harness/figure.js';
import { collectGarbage, usedHeap } from '../harness/garbage.js';
import type { Scenario } from '../harness/scenario.js';
import { median } from '../harness/statistics.js';
import { withFolder } from '../local/folder.js';
import { startIdle, stopIdle } from './idle.js';

const IDLE_REPLICAS = 1_000;
/** Enough that what a process loads and compiles for any number of them is there. */
const FEW_REPLICAS = 20;
/** Until the pauses of idle sources have grown to their longest, and how long the processor time is counted then. */
const SETTLE_MS = 4_000;
const IDLE_MS = 10_000;

const STARTED_REPLICAS = 500;
const STARTS = 5;

const RECORDS = 20_000_000;
const FIRST_RECORDS = 1_000_000;

/** What replicas cost that have nothing to do, and the heap of a process that has none. */
async function idleReplicas(): Promise<readonly Figure[]> {
  await stopIdle(await startIdle(FEW_REPLICAS));
  const without = usedHeap();
  const run = await startIdle(IDLE_REPLICAS);
  await sleep(SETTLE_MS);
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(IDLE_MS);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - began);
  const heap = (usedHeap() - without) / IDLE_REPLICAS / 1000;
  await stopIdle(run);
  return [
    { bench: 'scale/idle-replicas-cpu', value: 100 * share, unit: '% of a core', target: { at: 'most', value: 2 } },
    { bench: 'scale/idle-replicas-heap', value: heap, unit: 'kB/replica', target: { at: 'most', value: 20 } },
    { bench: 'scale/idle-process-heap', value: without / 1e6, unit: 'MB' },
  ];
}

/** From the call of `orchestrate` to the end of the run, all replicas having run at once. */
async function startAndStop(): Promise<readonly Figure[]> {
  const seconds: number[] = [];
  for (let round = -1; round < STARTS; round++) {
    collectGarbage();
    const began = performance.now();
    await stopIdle(await startIdle(STARTED_REPLICAS));
    if (round >= 0) seconds.push((performance.now() - began) / 1000);
  }
  return [{ bench: 'scale/start-stop', value: median(seconds), unit: 's', target: { at: 'most', value: 2 } }];
}

/** Looks at the heap when the sink has the first million records, and when it has all. */
class HeapWatch extends Watch {
  first: number | undefined;
  last = 0;

  override receive(readings: readonly Reading[]): void {
    super.receive(readings);
    if (this.first === undefined && this.received >= FIRST_RECORDS) this.first = usedHeap();
    if (this.received === this.records) this.last = usedHeap();
  }
}

async function heapOverTime(): Promise<readonly Figure[]> {
  const watch = new HeapWatch(RECORDS);
  await runFlow({ batchSize: 500, validate: 'structure' }, watch);
  return [{ bench: 'scale/heap', value: watch.last / watch.first!, unit: 'of the first million', target: { at: 'most', value: 1.1 } }];
}

/** From the call of `orchestrate` to the end of the run, all replicas having run at once, with what the first start of a folder takes. */
async function startPlaced(bench: string, replicas: number, placement: PlacementKind | PlacementOptions, target: number): Promise<readonly Figure[]> {
  const seconds = await withFolder(async (folder) => {
    const began = performance.now();
    await stopIdle(await startIdle(replicas, { location: `local:${folder}`, placement }));
    return (performance.now() - began) / 1000;
  });
  return [{ bench, value: seconds, unit: 's', target: { at: 'most', value: target } }];
}

const PROCESSES = 50;
const IN_THREADS = 200;
const THREADS = 4;

/** Replicas in processes and in threads of their own, started and stopped. */
async function placed(): Promise<readonly Figure[]> {
  return [
    ...(await startPlaced('scale/placement-processes', PROCESSES, 'process', 30)),
    ...(await startPlaced('scale/placement-threads', IN_THREADS, { kind: 'thread', count: THREADS }, 10)),
  ];
}

/** What does not show in records per second. */
export const scaleScenarios: readonly Scenario[] = [
  { bench: 'scale/idle-replicas', run: idleReplicas },
  { bench: 'scale/start-stop', run: startAndStop },
  { bench: 'scale/heap', run: heapOverTime },
  { bench: 'scale/placement', run: placed },
];
