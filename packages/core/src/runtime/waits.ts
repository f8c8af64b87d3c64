import type { Clock } from '../clock/index.js';
import { MillraceError } from '../error/index.js';
import { replicaName, type InputPlan } from '../plan/plan.js';
import type { ReplicaEnvironment } from './environment.js';
import type { Execution } from './execution.js';
import type { Signal } from './signal.js';
import type { StopRequest } from './stop.js';

interface WriterWait {
  readonly name: string;
  readonly inputs: readonly InputPlan[];
  readonly execution: Execution;
  readonly signal: Signal;
  readonly clock: Clock;
  readonly stop: StopRequest;
}

/**
 * OperationInit of a reader: waits for a writer of each input to show up; with `syncOpen` for all; with `sequential` until all
 * have closed. Ends early when a stop is asked for.
 * @throws MillraceError `MILLRACE_TIMEOUT` after `openTimeout`, naming who is missing
 */
export async function waitForWriters({ name, inputs, execution, signal, clock, stop }: WriterWait): Promise<void> {
  const began = clock.now();
  for (const plan of inputs) {
    const end = execution.inputs.get(plan.name)?.end;
    if (end === undefined) continue;
    const deadline = plan.openTimeout > 0 ? began + plan.openTimeout : Infinity;
    const expected = plan.channel.writers.reduce((sum, writer) => sum + writer.replicas, 0);
    const needed = plan.syncOpen ? expected : Math.min(1, expected);
    while (stop.kind === 'none' && (end.writersSeen() < needed || (plan.sequential && end.openWriters().length > 0))) {
      if (clock.now() >= deadline) {
        const waited = plan.sequential ? `${end.openWriters().join(', ')} to close` : `${needed - end.writersSeen()} more of ${expected} writers to show up`;
        throw new MillraceError('MILLRACE_TIMEOUT', `${name}.${plan.name} waited ${plan.openTimeout} ms for ${waited}`, { operator: name, port: plan.name, channel: plan.channel.name });
      }
      await signal.wait(deadline);
    }
  }
}

interface GroupWait {
  readonly env: ReplicaEnvironment;
  readonly name: string;
  readonly signal: Signal;
  readonly stop: StopRequest;
}

/** The principal of a reading group closes last, since what it deletes afterwards is shared. Ends early when a stop is asked for. */
export async function waitForGroup({ env, signal, stop }: GroupWait): Promise<void> {
  const { board, operator, pipeline, index } = env;
  const channel = operator.inputs.find((input) => input.channel.external === undefined)?.channel.name;
  if (board === undefined || channel === undefined || index !== 0) return;
  const others = Array.from({ length: operator.replicas - 1 }, (_, i) => replicaName(pipeline, operator.name, i + 1));
  while (stop.kind !== 'stop' && others.some((owner) => board.get(channel, owner, 'reader')?.status !== 'Closed')) await signal.wait();
}
