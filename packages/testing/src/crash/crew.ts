import { setTimeout as sleep } from 'node:timers/promises';
import type { Trap, WorkerTask } from './messages.js';
import type { Blow } from './schedule.js';
import { WorkerProcess, type WorkerScript } from './worker-process.js';

/** Ms that a process has to begin, with others that die and come back beside it. */
const READY_WITHIN = 90_000;
/** Ms after which one that has not come to its fail point is struck where it is. */
const TRAP_WITHIN = 2_000;
/** Ms that a successor has to take over from a halted process before that goes on. */
const TAKE_OVER_WITHIN = 4_000;
/** Failures of a test after which it is given up. */
const MOST_FAILURES = 12;

export interface CrewOptions {
  readonly script: WorkerScript;
  /** What each process runs. */
  readonly parts: readonly (readonly string[])[];
  readonly task: Omit<WorkerTask, 'launch' | 'only' | 'finish' | 'trap'>;
  /** Ms in which one that was replaced has to find out. */
  readonly zombieWithin: number;
  readonly log: (line: string) => void;
}

/** What was done to the processes, and what they did of themselves. */
export interface CrewCounts {
  kills: number;
  freezes: number;
  /** Processes that another one replaced while they were halted. */
  zombies: number;
  /** Of all these, how many came at a fail point. */
  atPoints: Map<string, number>;
}

/** The processes of a crash test: one for each part of the pipeline, started anew whenever one ends before its run is done. */
export class Crew {
  readonly counts: CrewCounts = { kills: 0, freezes: 0, zombies: 0, atPoints: new Map() };
  /** Processes that failed although nobody had struck them. */
  readonly failures: string[] = [];
  readonly #options: CrewOptions;
  readonly #workers: WorkerProcess[];
  readonly #all = new Set<WorkerProcess>();
  readonly #onExit = (): void => this.#killAll();
  #launches = 0;
  #isFinishing = false;
  #isOver = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    process.once('exit', this.#onExit);
    this.#workers = options.parts.map((_, part) => this.#launch(part));
  }

  get workers(): readonly WorkerProcess[] {
    return this.#workers;
  }

  /** Strikes; where the process is replaced, resolves once its successor was started. @throws Error where one does not begin */
  async strike({ kind, victims, moment, pause }: Blow): Promise<void> {
    const workers = await Promise.all(victims.map((part) => this.#ready(part)));
    const after = 'after' in moment ? moment.after : 0;
    await sleep(after);
    if (kind === 'kill') await Promise.all(workers.map((worker) => this.#kill(worker, moment)));
    else if (kind === 'freeze') await Promise.all(workers.map((worker) => this.#freeze(worker, moment, pause)));
    else await this.#replace(victims, workers, moment);
  }

  /** Tells the sources that it is enough. */
  finish(): void {
    this.#isFinishing = true;
    for (const worker of this.#workers) worker.tell({ finish: true });
  }

  /** Resolves once every part of the run is done. @throws Error after so many ms, with what was left */
  async done(ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    for (let part = 0; part < this.#workers.length; part++) {
      for (let worker = this.#at(part); !isDone(worker); worker = this.#at(part)) {
        this.#checkFailures();
        if (!(await worker.until(() => isDone(worker) || this.#at(part) !== worker, Math.max(0, deadline - performance.now())))) {
          throw new Error(`${worker.task.only.join()} was not done within ${ms} ms: ${describe(worker)}`);
        }
      }
    }
  }

  /** Ends what is left. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#killAll();
    await Promise.all([...this.#all].map(({ exited }) => exited));
    process.off('exit', this.#onExit);
  }

  #at(part: number): WorkerProcess {
    return this.#workers[part] as WorkerProcess;
  }

  #launch(part: number, trap?: Trap): WorkerProcess {
    const { script, task, parts, log } = this.#options;
    const worker = new WorkerProcess(script, { ...task, launch: ++this.#launches, only: parts[part] ?? [], finish: this.#isFinishing, trap });
    this.#all.add(worker);
    void worker.exited.then(() => {
      this.#all.delete(worker);
      // A zombie has its successor; who is done has none.
      if (this.#isOver || this.#workers[part] !== worker || isDone(worker)) return;
      if (worker.end?.signal !== 'SIGKILL') {
        this.failures.push(`${worker.task.only.join()}: ${describe(worker)}`);
        log(`worker ${worker.launch} (${worker.task.only.join()}) failed: ${describe(worker)}`);
      }
      if (this.failures.length < MOST_FAILURES) this.#workers[part] = this.#launch(part);
    });
    return worker;
  }

  /** A part's process, once it has begun; or one that is done. */
  async #ready(part: number): Promise<WorkerProcess> {
    const deadline = performance.now() + READY_WITHIN;
    for (;;) {
      this.#checkFailures();
      const worker = this.#at(part);
      const is = await worker.until(() => worker.isReady || worker.hasEnded || this.#at(part) !== worker, Math.max(0, deadline - performance.now()));
      if (!is) throw new Error(`${worker.task.only.join()} has not begun within ${READY_WITHIN} ms: ${worker.errors}`);
      if (this.#at(part) === worker && (worker.isReady || isDone(worker)) && (worker.end === undefined || isDone(worker))) return worker;
      // It ended and is started anew.
      await worker.exited;
    }
  }

  async #kill(worker: WorkerProcess, moment: Blow['moment']): Promise<void> {
    if (isDone(worker)) return await this.#killDone(worker, moment);
    if ('point' in moment) {
      const { point, hits } = moment;
      if (point === 'after-fence') return await this.#killAtStart(worker, hits);
      worker.trap({ point, hits, signal: 'SIGKILL' });
      if (await worker.until(({ end }) => end?.signal === 'SIGKILL', TRAP_WITHIN)) this.#note(point);
    }
    worker.kill();
    await worker.exited;
    this.counts.kills++;
  }

  /** A part that is done is started once more, which has nothing to do, and dies over it. */
  async #killDone(done: WorkerProcess, moment: Blow['moment']): Promise<void> {
    const part = this.#workers.indexOf(done);
    const worker = (this.#workers[part] = this.#launch(part));
    await sleep('after' in moment ? moment.after : 10 * moment.hits);
    worker.kill();
    await worker.exited;
    this.counts.kills++;
  }

  /** The successor of a process dies before it has begun: with its owner fenced, or with its input about to be placed. */
  async #killAtStart(worker: WorkerProcess, hits: number): Promise<void> {
    const part = this.#workers.indexOf(worker);
    const successor = this.#launch(part, { point: 'after-fence', hits: 1 + (hits % 2), signal: 'SIGKILL' });
    this.#workers[part] = successor;
    worker.kill();
    await worker.exited;
    if (await successor.until(({ end, isReady }) => end !== undefined || isReady, READY_WITHIN)) {
      if (successor.end?.signal === 'SIGKILL') this.#note('after-fence');
    }
    successor.kill();
    await successor.exited;
    this.counts.kills++;
  }

  async #freeze(worker: WorkerProcess, moment: Blow['moment'], pause: number): Promise<void> {
    await this.#halt(worker, moment);
    await sleep(pause);
    worker.thaw();
    this.counts.freezes++;
  }

  async #replace(parts: readonly number[], workers: readonly WorkerProcess[], moment: Blow['moment']): Promise<void> {
    const zombies = workers.filter((worker) => !isDone(worker));
    await Promise.all(zombies.map((worker) => this.#halt(worker, moment)));
    const successors = zombies.map((zombie) => {
      const part = parts[workers.indexOf(zombie)] as number;
      return (this.#workers[part] = this.#launch(part));
    });
    await Promise.all(successors.map((successor) => successor.until(({ isReady, hasEnded }) => isReady || hasEnded, TAKE_OVER_WITHIN)));
    // All at once: one that halted within a transaction may hold a lock that the others need.
    for (const zombie of zombies) zombie.thaw();
    // Until its successor has begun, a process that goes on is none: nobody has fenced it.
    await Promise.all(successors.map((successor) => successor.until(({ isReady, hasEnded }) => isReady || hasEnded, READY_WITHIN)));
    for (const zombie of zombies) {
      if (!(await zombie.until(({ end }) => end !== undefined, this.#options.zombieWithin))) {
        this.failures.push(`${zombie.task.only.join()}: replaced, but it goes on: ${zombie.hasEnded ? 'its run has ended, its process has not' : 'its run has not ended'}; ${JSON.stringify(await zombie.sample())}`);
        zombie.kill();
      } else if (zombie.end?.ended?.code !== 'MILLRACE_FENCED' && !isDone(zombie)) {
        this.failures.push(`${zombie.task.only.join()}: replaced, it ended with ${describe(zombie)}`);
      }
      this.counts.zombies++;
    }
  }

  async #halt(worker: WorkerProcess, moment: Blow['moment']): Promise<void> {
    if ('point' in moment && moment.point !== 'after-fence') {
      worker.trap({ ...moment, signal: 'SIGSTOP' });
      if (await worker.until((each) => each.hasHalted || each.end !== undefined, TRAP_WITHIN)) return this.#note(moment.point);
    }
    worker.freeze();
  }

  #checkFailures(): void {
    if (this.failures.length >= MOST_FAILURES) throw new Error(`processes failed ${this.failures.length} times by themselves:\n${this.failures.join('\n')}`);
  }

  #note(point: string): void {
    this.counts.atPoints.set(point, (this.counts.atPoints.get(point) ?? 0) + 1);
  }

  #killAll(): void {
    for (const worker of this.#all) worker.kill();
  }
}

function isDone(worker: WorkerProcess): boolean {
  return worker.end?.ended?.ended === 'done';
}

function describe({ end, errors }: WorkerProcess): string {
  const how = end === undefined ? 'it still runs' : (end.ended?.message ?? `it ended with ${end.signal ?? end.code} and said nothing`);
  return errors === '' ? how : `${how}\n${errors}`;
}
