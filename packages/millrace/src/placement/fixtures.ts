import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { afterEach } from 'vitest';
import { orchestrate, Pipeline, silentLogger, type AddOptions, type OrchestrateOptions, type Run, type RunEvents } from '../index.js';
import { Sink, Source, Work, type Done } from './operators.js';

/** Threads and processes load TypeScript sources here, several seconds of work on a busy machine. */
export const WITH_CHILDREN = 90_000;

interface Given {
  readonly count?: number;
  /** Parameters of the operator in the middle. */
  readonly scene?: { readonly scene?: string; readonly at?: number; readonly file?: string };
  readonly work?: AddOptions<Work>;
  readonly source?: AddOptions<Source>;
  readonly options?: Partial<OrchestrateOptions>;
}

/** A pipeline whose source and sink are in this process, and whose work is done where a test places it. */
export class Workshop {
  static #made = 0;
  readonly folder = mkdtempSync(join(tmpdir(), 'millrace-placement-'));
  readonly location = `local:${this.folder}`;
  readonly results: Done[] = [];
  readonly events: { readonly name: keyof RunEvents; readonly args: readonly unknown[] }[] = [];
  readonly #name = `p${process.pid}-${Workshop.#made++}`;
  readonly #runs: Run[] = [];

  async start({ count = 100, scene = {}, work = {}, source = {}, options = {} }: Given): Promise<Run> {
    Sink.into.set(this.#name, this.results);
    const pipeline = new Pipeline(this.#name);
    const from = pipeline.add(Source, { count }, { name: 'source', placement: 'inline', ...source });
    const worker = pipeline.add(Work, scene, { name: 'work', ...work });
    const sink = pipeline.add(Sink, { into: this.#name }, { name: 'sink', placement: 'inline' });
    worker.numbers.connect(from.numbers);
    sink.results.connect(worker.results);
    const run = await orchestrate(pipeline, { location: this.location, logger: silentLogger, handleSignals: false, grace: 5_000, ...options });
    for (const name of ['stage', 'error', 'degraded', 'stuck', 'restart', 'output', 'progress'] as const) run.on(name, (...args: readonly unknown[]) => void this.events.push({ name, args }));
    this.#runs.push(run);
    return run;
  }

  /** Arguments of all events of a name. */
  told<E extends keyof RunEvents>(name: E): readonly RunEvents[E][] {
    return this.events.filter((event) => event.name === name).map(({ args }) => args as unknown as RunEvents[E]);
  }

  get numbers(): readonly number[] {
    return this.results.map(({ n }) => n);
  }

  /** Ends what runs, and leaves nothing behind. */
  async close(): Promise<void> {
    for (const run of this.#runs) await run.stop({ mode: 'now' }).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A workshop for each test; afterwards no process may be left that this one started. */
export function workshops(): () => Workshop {
  const open: Workshop[] = [];
  afterEach(async () => {
    for (const workshop of open.splice(0)) await workshop.close();
    const left = childrenOf(process.pid);
    if (isMainThread && left.length > 0) throw new Error(`these processes are left:\n${left.join('\n')}`);
  });
  return () => {
    const workshop = new Workshop();
    open.push(workshop);
    return workshop;
  };
}

/** Command lines of the replica hosts that a process started. */
function childrenOf(pid: number): readonly string[] {
  return execFileSync('ps', ['-eo', 'ppid=,pid=,args='], { encoding: 'utf8' }).split('\n').filter((line) => Number(line.trim().split(/\s+/)[0]) === pid && /placement\/host/.test(line));
}

/** Resolves once it holds. @param what for the message where it does not in time */
export async function until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}
