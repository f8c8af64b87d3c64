import { armFailPoints, MillraceError, type FailPoint, type Pipeline } from '@millrace/core';
import { createInterface } from 'node:readline';
import type { FromWorker, ToWorker, Trap, WorkerTask } from './messages.js';
import { crashPipeline } from './pipeline.js';
import { thisWorker } from './this-worker.js';

/** How a worker has to start its part: the options of `orchestrate` that matter here. */
export interface CrashRunOptions {
  readonly location: string;
  readonly runId: string;
  readonly only: readonly string[];
  /** The test looks at state and channels when all is over. */
  readonly mode: 'WithoutResourceDeletion';
}

/** Starts the pipeline with the backend that is tested: `(pipeline, options) => orchestrate(pipeline, { ...options, backends: [mine] })`. */
export type StartCrashRun = (pipeline: Pipeline, options: CrashRunOptions) => Promise<{ readonly completed: Promise<{ readonly outcome: 'done' | 'drained' | 'stopped' }> }>;

/**
 * The whole of a process of {@link crashTest}: a script that calls this is given to it as `worker`. It runs the replicas that the
 * test tells it to, kills or halts itself at the fail points that the test names, and ends with the test.
 */
export async function crashWorker(start: StartCrashRun): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '') as WorkerTask;
  const { launch, location, runId, only, pipeline } = task;
  if (task.trap !== undefined) setTrap(task.trap);
  thisWorker.begin(launch, only.length, () => tell({ ready: true }));
  thisWorker.isFinishing = task.finish;
  listen();
  try {
    const run = await start(crashPipeline(pipeline), { location, runId, only, mode: 'WithoutResourceDeletion' });
    const { outcome } = await run.completed;
    // A signal from elsewhere ends a run that is not done.
    tell(outcome === 'done' ? { ended: 'done' } : { ended: 'failed', message: `it was ${outcome}` });
  } catch (error) {
    tell({ ended: 'failed', code: MillraceError.is(error) ? error.code : '', message: String(error) });
  }
}

/** Writing to a pipe is done when it returns, so what is told reaches the test although the process dies at once. */
function tell(message: FromWorker): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function listen(): void {
  const lines = createInterface(process.stdin);
  lines.on('line', (line) => {
    const message = JSON.parse(line) as ToWorker;
    if ('trap' in message) setTrap(message.trap);
    else if ('finish' in message) thisWorker.isFinishing = true;
    else tell({ sample: sample() });
  });
  // The test is gone: so is what it wanted.
  lines.on('close', () => process.exit(1));
  // It ends by itself when its run has, unless something is left open: that is part of the test.
  (process.stdin as NodeJS.ReadStream & { unref(): void }).unref();
}

function setTrap({ point, hits, signal }: Trap): void {
  let left = hits;
  armFailPoints((reached: FailPoint) => {
    if (reached !== point || --left > 0) return;
    armFailPoints(undefined);
    if (signal === 'SIGSTOP') tell({ halted: point });
    process.kill(process.pid, signal);
  });
}

function sample() {
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: Math.round(rss / 2 ** 20), heap: Math.round(heapUsed / 2 ** 20), handles: process.getActiveResourcesInfo().length };
}
