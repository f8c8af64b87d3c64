import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { toError } from '@millrace/core';
import { unwrap, wrap, type FromChild, type ToChild } from './protocol.js';
import { watchParent } from './watchdog.js';
import { toWire } from './wire-error.js';

/** Marks a thread's data, or a process's environment, as those of a child. */
export const CHILD = 'MILLRACE_CHILD';

/** A child's line to its parent. */
export interface ParentLink {
  post(message: FromChild): void;
  listen(onMessage: (message: ToChild) => void, onLost: () => void): void;
  /** @param grace what this process gets to end by itself in ms when its parent is gone */
  watch(grace: number): void;
  /** Ends this thread or process, after what it wrote has left it. */
  leave(code: number): Promise<void>;
}

/** The line to the parent where this thread or process was started to run replicas. Taken once: what it starts in turn is no such child. */
export function takeParentLink(): ParentLink | undefined {
  if (!isMainThread) return (workerData as Readonly<Record<string, unknown>> | null)?.[CHILD] === true && parentPort !== null ? threadLink(parentPort) : undefined;
  if (process.env[CHILD] === undefined || process.send === undefined) return undefined;
  delete process.env[CHILD];
  return processLink();
}

function processLink(): ParentLink {
  // Where the line is gone 'disconnect' has told so, and there is nobody to hear the rest.
  const post = (message: FromChild): void => void (process.connected && process.send!(wrap(message), undefined, undefined, () => {}));
  return {
    post,
    listen(onMessage, onLost) {
      process.on('message', (given) => receive(given, onMessage, post));
      process.on('disconnect', onLost);
      // A terminal sends them to every process of its group, and the parent passes on what it makes of them.
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
      reportUncaught(post);
    },
    watch: watchParent,
    async leave(code) {
      await written();
      process.exit(code);
    },
  };
}

function threadLink(port: NonNullable<typeof parentPort>): ParentLink {
  const post = (message: FromChild): void => port.postMessage(wrap(message));
  return {
    post,
    listen(onMessage) {
      port.on('message', (given) => receive(given, onMessage, post));
      reportUncaught(post);
    },
    // It ends with its parent.
    watch() {},
    async leave(code) {
      await written();
      process.exit(code);
    },
  };
}

function receive(given: unknown, onMessage: (message: ToChild) => void, post: (message: FromChild) => void): void {
  let message: ToChild | undefined;
  try {
    message = unwrap<ToChild>(given);
  } catch (error) {
    post({ type: 'fatal', error: toWire(toError(error)) });
  }
  if (message !== undefined) onMessage(message);
}

/** Node.js then ends the thread or process as ever; this only says why. */
function reportUncaught(post: (message: FromChild) => void): void {
  process.on('uncaughtExceptionMonitor', (error: unknown) => post({ type: 'fatal', error: toWire(toError(error)) }));
}

function written(): Promise<unknown> {
  return Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))));
}
