import type { Plan } from '@millrace/core';
import { orchestrate, type Run, type RunMetrics } from '@millrace/orchestrator';
import { EXIT, tellFailure } from './failure.js';
import { loggerOf, type LogFlags } from './logging.js';
import { displayOn, type Display } from './progress/display.js';
import { rowsOf } from './progress/rows.js';
import { prepare, type RunFlags } from './run-options.js';
import { colorsOf, type Stream, type Streams } from './terminal.js';

export interface RunCommandFlags extends RunFlags, LogFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `millrace run`. What operators write to stdout is theirs alone: progress goes to stderr. @returns the exit code of the run */
export async function run(target: string, flags: RunCommandFlags, { err }: Streams): Promise<number> {
  const { pipeline, options } = await prepare(target, flags);
  const running = await orchestrate(pipeline, { ...options, logger: await loggerOf(err, flags) });
  return await follow(running, err, flags);
}

async function follow(running: Run, err: Stream, flags: RunCommandFlags): Promise<number> {
  const { json = false, quiet = false } = flags;
  const note = (text: string): void => void (quiet || json || err.write(`${text}\n`));
  const onSignal = (): void => note('Finishing what was read; once more stops at once.');
  process.once('SIGINT', onSignal);
  const display = displayOn(err, { quiet, json });
  const show = showing(running, display);
  running.on('progress', show);
  try {
    const result = await running.completed;
    show(await running.metrics());
    display.end();
    if (json) err.write(`${JSON.stringify({ event: 'end', outcome: result.outcome, exitCode: result.exitCode })}\n`);
    else note(colorsOf(err).dim(result.outcome === 'done' ? 'done' : `${result.outcome}; ${whatNext(running.plan)}`));
    return result.exitCode;
  } catch (error) {
    display.end();
    const exitCode = running.exitCode ?? EXIT.failed;
    tellFailure(error, err, exitCode, flags);
    return exitCode;
  } finally {
    process.off('SIGINT', onSignal);
    running.off('progress', show);
  }
}

function whatNext({ location, capabilities: { durable } }: Plan): string {
  return durable ? `the next start on ${location} goes on from here` : `${location} keeps nothing for the next start`;
}

function showing(running: Run, display: Display): (metrics: RunMetrics) => void {
  const restarts = new Map<string, number>();
  running.on('restart', (replica) => void restarts.set(replica, (restarts.get(replica) ?? 0) + 1));
  const inputs = new Map(running.plan.operators.map(({ name, inputs: ports }) => [name, ports.map((port) => port.name)]));
  return (metrics) => display.show(rowsOf(metrics, restarts, inputs), metrics.elapsedMs);
}
