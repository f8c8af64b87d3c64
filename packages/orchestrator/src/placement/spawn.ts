import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import type { Readable } from 'node:stream';
import { flagsOf, threadProgram, type Entry } from './entry.js';
import { CHILD } from './parent-link.js';
import { wrap, type ToChild } from './protocol.js';

/** A parent's line to a child. */
export interface ChildLink {
  readonly pid: number;
  /** Set for threads. */
  readonly threadId: number | undefined;
  post(message: ToChild): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

export interface ChildListener {
  message(given: unknown): void;
  output(stream: 'stdout' | 'stderr', text: string): void;
  /** It is gone, and all that it wrote has come. */
  exit(how: string, error: Error | undefined): void;
}

export interface SpawnOptions {
  readonly entry: Entry;
  /** MiB of heap. */
  readonly memory: number | undefined;
}

/** How long the pipes of a process that has exited may stay open: somebody whom it started may still hold them. */
const PIPES_MS = 500;

export function spawnProcess({ entry, memory }: SpawnOptions, listener: ChildListener): ChildLink {
  const child = fork(entry.file, process.argv.slice(2), {
    env: { ...process.env, [CHILD]: '1' },
    execArgv: [...flagsOf(entry, memory)],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let isOver = false;
  let failure: Error | undefined;
  const exit = (how: string): void => {
    if (isOver) return;
    isOver = true;
    listener.exit(how, failure);
  };
  const how = (code: number | null, signal: NodeJS.Signals | null): string => (signal === null ? `exited with code ${code ?? 'unknown'}` : `was ended by ${signal}`);
  child.on('message', (given) => listener.message(given));
  child.on('exit', (code, signal) => void setTimeout(() => exit(how(code, signal)), PIPES_MS).unref());
  child.on('close', (code, signal) => exit(how(code, signal)));
  child.on('error', (error) => {
    failure ??= error;
    // Could not be started at all: there will be no exit.
    if (child.pid === undefined) exit('could not be started');
  });
  listen(child.stdout!, 'stdout', listener);
  listen(child.stderr!, 'stderr', listener);
  return {
    pid: child.pid ?? 0,
    threadId: undefined,
    // One that is gone hears nothing any more, which its exit tells.
    post: (message) => void (child.connected && child.send(wrap(message), () => {})),
    kill: () => void child.kill('SIGKILL'),
  };
}

export function spawnThread({ entry, memory }: SpawnOptions, listener: ChildListener): ChildLink {
  const { code, isEval } = threadProgram(entry);
  const worker = new Worker(code, {
    eval: isEval,
    argv: process.argv.slice(2),
    workerData: { [CHILD]: true },
    stdout: true,
    stderr: true,
    ...(memory === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: memory } }),
  });
  let failure: Error | undefined;
  worker.on('message', (given: unknown) => listener.message(given));
  worker.on('error', (error) => (failure ??= error));
  worker.on('exit', (exitCode) => listener.exit(`ended with code ${exitCode}`, failure));
  listen(worker.stdout, 'stdout', listener);
  listen(worker.stderr, 'stderr', listener);
  return { pid: process.pid, threadId: worker.threadId, post: (message) => worker.postMessage(wrap(message)), kill: () => void worker.terminate() };
}

function listen(stream: Readable, name: 'stdout' | 'stderr', listener: ChildListener): void {
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => listener.output(name, text));
}
