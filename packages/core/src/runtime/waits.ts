import type { Clock } from '../clock/index.js';
import { MillraceError } from '../error/index.js';
import { replicaNames, type InputPlan } from '../plan/plan.js';
import type { ReplicaEnvironment } from './environment.js';
import type { Execution } from './execution.js';
import type { Signal } from './signal.js';
import type { StopRequest } from './stop.js';

/** What a wait of a replica needs. */
interface Waiting {
  readonly name: string;
  readonly execution: Execution;
  readonly signal: Signal;
  readonly stop: StopRequest;
}

/**
 * Opens a port within its `openTimeout`; 0 = for ever.
 * @throws MillraceError `MILLRACE_TIMEOUT`
 */
export async function openWithin(name: string, port: { readonly name: string; readonly openTimeout: number }, clock: Clock, opening: Promise<void>): Promise<void> {
  const { openTimeout } = port;
  if (openTimeout === 0) return await opening;
  let late = (): void => {};
  const timer = clock.after(openTimeout, () => late());
  try {
    await new Promise<void>((resolve, reject) => {
      late = () => reject(new MillraceError('MILLRACE_TIMEOUT', `${name}.${port.name} waited ${openTimeout} ms for its backend to open the channel`, { operator: name, port: port.name }));
      opening.then(resolve, reject);
    });
  } finally {
    timer.cancel();
  }
}

/**
 * OperationInit of a reader: waits for a writer of each input to show up; with `syncOpen` for all; with `sequential` until all
 * have closed. Ends early when a stop is asked for; a drain is waited through, since the writers come to their end then.
 * @throws MillraceError `MILLRACE_TIMEOUT` after `openTimeout`, naming who is missing; what ended the session
 */
export async function waitForWriters({ name, execution, signal, stop }: Waiting, inputs: readonly InputPlan[], clock: Clock): Promise<void> {
  const began = clock.now();
  while (stop.kind !== 'stop') {
    if (execution.failure !== undefined) throw execution.failure;
    const waiting = inputs.map((input) => ({ input, missing: missingWriters(input, execution) })).filter(({ missing }) => missing !== undefined);
    if (waiting.length === 0) return;
    let next = Infinity;
    for (const { input, missing } of waiting) {
      const deadline = input.openTimeout > 0 ? began + input.openTimeout : Infinity;
      if (clock.now() >= deadline) throw new MillraceError('MILLRACE_TIMEOUT', `${name}.${input.name} waited ${input.openTimeout} ms for ${missing}`, { operator: name, port: input.name, channel: input.channel.name });
      next = Math.min(next, deadline);
    }
    await signal.wait(next);
  }
}

/** What an input waits for before it can begin; `undefined`: nothing. */
function missingWriters({ name, syncOpen, sequential }: InputPlan, execution: Execution): string | undefined {
  const end = execution.inputs.get(name)?.end;
  if (end === undefined) return undefined;
  const { expected } = end;
  const missing = (syncOpen ? expected : Math.min(1, expected)) - end.writersSeen();
  if (missing > 0) return `${missing} more of ${expected} writers to show up`;
  const open = sequential ? end.openWriters() : [];
  return open.length === 0 ? undefined : `${open.join(', ')} to close`;
}

/**
 * The principal of a reading group goes on when its replicas have closed, since what it deletes afterwards is shared. It says
 * that it is closed before it waits: writers must not wait for a principal that waits for replicas that wait for writers. Ends
 * early when a stop is asked for.
 * @throws what ended the session
 */
export async function waitForGroup({ execution, signal, stop }: Waiting, { board, operator, pipeline, index }: ReplicaEnvironment): Promise<void> {
  const channel = operator.inputs.find((input) => input.channel.external === undefined)?.channel.name;
  if (board === undefined || channel === undefined || index !== 0) return;
  const others = replicaNames(pipeline, operator.name, operator.replicas).slice(1);
  while (stop.kind !== 'stop' && others.some((owner) => board.get(channel, owner, 'reader')?.status !== 'Closed')) {
    if (execution.failure !== undefined) throw execution.failure;
    await signal.wait();
  }
}
