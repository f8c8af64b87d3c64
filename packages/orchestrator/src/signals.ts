import type { Run } from './run.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const runs = new Set<Run>();

/**
 * Ends a run by SIGINT and SIGTERM: the first drains it, the second stops it at once. All runs of the process hear of each signal
 * once; when the last one is over Node's own handling is back.
 */
export function endOnSignals(run: Run): void {
  if (runs.size === 0) for (const signal of SIGNALS) process.on(signal, onSignal);
  runs.add(run);
  const leave = (): void => {
    runs.delete(run);
    if (runs.size === 0) for (const signal of SIGNALS) process.off(signal, onSignal);
  };
  run.completed.then(leave, leave);
}

const signalled = new WeakSet<Run>();

function onSignal(signal: NodeJS.Signals): void {
  for (const run of runs) {
    void run.stop({ mode: signalled.has(run) ? 'now' : 'drain', reason: signal });
    signalled.add(run);
  }
}

/** Ends a run when an abort signal fires: like a first signal, or where it fired already before anything begins. */
export function endOnAbort(run: Run, signal: AbortSignal): void {
  const abort = (): void => void run.stop({ reason: 'abort' });
  if (signal.aborted) abort();
  else {
    signal.addEventListener('abort', abort, { once: true });
    const leave = (): void => signal.removeEventListener('abort', abort);
    run.completed.then(leave, leave);
  }
}
