import type { FailPoint } from '@millrace/core';
import type { CrashPipelineOptions } from './pipeline.js';

/** At the `hits`-th time from now on that the process comes to a fail point, it ends or halts itself. */
export interface Trap {
  readonly point: FailPoint;
  readonly hits: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/** What a process is told when it starts. */
export interface WorkerTask {
  /** Numbers the processes of a test. */
  readonly launch: number;
  /** Where the pipeline runs. */
  readonly location: string;
  readonly runId: string;
  /** What of it runs here. */
  readonly only: readonly string[];
  readonly pipeline: CrashPipelineOptions;
  readonly trap?: Trap | undefined;
  readonly finish: boolean;
}

/** What a process is told later, a line of JSON each, on its standard input. */
export type ToWorker = { readonly trap: Trap } | { readonly finish: true } | { readonly sample: true };

/** What a process uses. */
export interface WorkerSample {
  /** MiB. */
  readonly rss: number;
  readonly heap: number;
  /** Timers, sockets, files and requests that keep it alive. */
  readonly handles: number;
}

/** What a process tells, a line of JSON each, on its standard output. */
export type FromWorker =
  /** Every replica of it has begun. */
  | { readonly ready: true }
  /** It halts itself now. */
  | { readonly halted: FailPoint }
  | { readonly sample: WorkerSample }
  /** Its run has ended, with the code of its error where it failed. */
  | { readonly ended: 'done' | 'failed'; readonly code?: string; readonly message?: string };
