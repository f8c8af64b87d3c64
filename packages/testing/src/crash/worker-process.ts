import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FromWorker, ToWorker, Trap, WorkerSample, WorkerTask } from './messages.js';

/** How a process ended: its signal, or what it said of its run. */
export interface WorkerEnd {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly ended: Extract<FromWorker, { ended: unknown }> | undefined;
}

export interface WorkerScript {
  readonly url: URL;
  /** Options of Node.js. */
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
}

/** Ms after which a process is told once more to go on. */
const AGAIN_AFTER = 100;
/** The last lines of its standard error that are kept. */
const KEPT_LINES = 30;

/** A process that runs a part of the pipeline. */
export class WorkerProcess {
  readonly exited: Promise<WorkerEnd>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #heard: FromWorker[] = [];
  readonly #errors: string[] = [];
  #waiting: (() => void)[] = [];
  #end: WorkerEnd | undefined;
  #isReady = false;
  #hasHalted = false;
  #mayHalt = false;

  constructor(
    script: WorkerScript,
    readonly task: WorkerTask,
  ) {
    this.#child = spawn(process.execPath, [...script.execArgv, fileURLToPath(script.url), JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...script.env }, cwd: script.cwd });
    // It may die while it is written to.
    this.#child.stdin.on('error', () => undefined);
    createInterface(this.#child.stdout).on('line', (line) => this.#hear(JSON.parse(line) as FromWorker));
    createInterface(this.#child.stderr).on('line', (line) => {
      this.#errors.push(line);
      if (this.#errors.length > KEPT_LINES) this.#errors.shift();
    });
    this.exited = new Promise((resolve) =>
      this.#child.on('close', (code, signal) => {
        this.#end = { code, signal, ended: this.#heard.find((message) => 'ended' in message) };
        resolve(this.#end);
        this.#changed();
      }),
    );
  }

  /** Its number, of all processes of the test. */
  get launch(): number {
    return this.task.launch;
  }

  get end(): WorkerEnd | undefined {
    return this.#end;
  }

  /** Every replica of it has begun. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Its run is over, well or not; the process may still be there. */
  get hasEnded(): boolean {
    return this.#end !== undefined || this.#heard.some((message) => 'ended' in message);
  }

  /** The last lines that it wrote to its standard error. */
  get errors(): string {
    return this.#errors.join('\n');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  freeze(): void {
    this.#mayHalt = true;
    this.#child.kill('SIGSTOP');
  }

  /** Has it halt itself. */
  trap(trap: Trap): void {
    this.#mayHalt = trap.signal === 'SIGSTOP';
    this.tell({ trap });
  }

  thaw(): void {
    this.#mayHalt = false;
    this.#hasHalted = false;
    this.#child.kill('SIGCONT');
    // One that said that it halts may not have done so yet, and then nobody would let it go on.
    setTimeout(() => this.#mayHalt || this.#child.kill('SIGCONT'), AGAIN_AFTER).unref();
  }

  tell(message: ToWorker): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Resolves once a condition over it holds, or after so many ms. @returns whether it holds */
  async until(condition: (worker: this) => boolean, ms: number): Promise<boolean> {
    const late = new AbortController();
    const timeout = sleep(ms, undefined, { signal: late.signal }).catch(() => undefined);
    for (const deadline = performance.now() + ms; !condition(this); ) {
      if (performance.now() >= deadline) return false;
      await Promise.race([new Promise<void>((resolve) => this.#waiting.push(resolve)), timeout]);
    }
    late.abort();
    return true;
  }

  /** It halted itself, and was not told to go on yet. */
  get hasHalted(): boolean {
    return this.#hasHalted;
  }

  /** Asks what it uses; nothing where it does not answer soon. */
  async sample(): Promise<WorkerSample | undefined> {
    this.tell({ sample: true });
    let sample: WorkerSample | undefined;
    await this.until(() => {
      const found = this.#take((message) => 'sample' in message);
      if (found !== undefined && 'sample' in found) sample = found.sample;
      return sample !== undefined || this.#end !== undefined;
    }, 2_000);
    return sample;
  }

  #take(matches: (message: FromWorker) => boolean): FromWorker | undefined {
    const at = this.#heard.findIndex(matches);
    return at === -1 ? undefined : this.#heard.splice(at, 1)[0];
  }

  #changed(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  #halted(): void {
    this.#hasHalted = this.#mayHalt;
    // It came to the fail point after it was no longer waited for there; it says so just before it halts.
    if (!this.#mayHalt) this.thaw();
  }

  #hear(message: FromWorker): void {
    if ('ready' in message) this.#isReady = true;
    else if ('halted' in message) this.#halted();
    else this.#heard.push(message);
    this.#changed();
  }
}
