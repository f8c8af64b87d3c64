import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelBackend, FailPoint } from '@millrace/core';
import { RecordChecker, type Findings } from './checker.js';
import { Crew } from './crew.js';
import { readLedger } from './ledger.js';
import type { WorkerSample } from './messages.js';
import { CRASH_CHANNELS } from './pipeline.js';
import { ResultsReader } from './results-reader.js';
import { killSchedule, type Blow } from './schedule.js';
import { problemsOf, sentBySource } from './verify.js';

/** Something else that goes wrong while processes are killed: a broker, a connection. */
export interface Disturbance {
  readonly name: string;
  /** Does it, and mends it again. */
  readonly run: () => Promise<void>;
}

/** What {@link crashTest} takes. Durations in ms. */
export interface CrashTestOptions {
  readonly backend: ChannelBackend;
  /** Options for the backend's `connect`. */
  readonly connect?: unknown;
  /** Where the pipeline runs; durable, and reached by other processes. */
  readonly location: string;
  /** A channel of that location by name: `local:./data?channel=results`. The test makes it, and leaves it. */
  readonly results: (channel: string) => string;
  /** A script that calls {@link crashWorker}. */
  readonly worker: URL;
  /** Options of Node.js for it, and its environment and working folder, beside those of this process. */
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly delivery: 'at-least-once' | 'exactly-once';
  /** Default 0. */
  readonly kills?: number;
  /** Decides who is struck, when and how. Default 1. */
  readonly seed?: number;
  /** The blows, instead of those of kills and seed. */
  readonly schedule?: readonly Blow[];
  /** Goes on for at least so long, with the kills spread over it. Default 0: one kill after the other. */
  readonly duration?: number;
  /** Replicas of each of the three operators, a process each. Default 2. */
  readonly replicas?: number;
  /** Of each channel. Default 4. */
  readonly partitions?: number;
  /** Records that a source sends in a step, and the pause after them. Defaults 20 and 5. */
  readonly batch?: number;
  readonly pause?: number;
  /** Default 20. */
  readonly commitInterval?: number;
  /** Fail points that the backend has. Default: all. */
  readonly points?: readonly FailPoint[];
  readonly disturbances?: readonly Disturbance[];
  /** In which a process that was replaced has to end by itself. Default 30,000. */
  readonly zombieWithin?: number;
  /** What the pipeline of this name left open at the backend, a line each: transactions, locks. Asked when all is over. */
  readonly leftOpen?: (pipeline: string) => Promise<readonly string[]>;
  /** Told of what goes on. Default: nobody is. */
  readonly log?: (line: string) => void;
  /** Told once a second, for each process, what it uses. Default: nobody is. */
  readonly onSample?: (process: string, sample: WorkerSample) => void;
}

/** What a crash test found. */
export interface CrashReport extends Findings {
  /** Of the pipeline. */
  readonly name: string;
  readonly seed: number;
  readonly kills: number;
  readonly freezes: number;
  /** Processes that were replaced while they were halted. */
  readonly zombies: number;
  /** Blows that came at a fail point, by its name. */
  readonly atPoints: ReadonlyMap<string, number>;
  readonly disturbances: number;
  /** Positions that are not at the ends, state that is not what the results say, what was left open. */
  readonly problems: readonly string[];
  /** Processes that failed although nobody had struck them, zombies that went on. */
  readonly failures: readonly string[];
  readonly seconds: number;
  /** The promises that were broken, a line each; empty: all of them were kept. */
  readonly broken: readonly string[];
}

const DONE_WITHIN = 180_000;
const CAUGHT_UP_WITHIN = 60_000;
/** A blow that takes longer is told of: somebody waited for something. */
const SLOW = 10_000;

/**
 * Runs a pipeline of three operators over several processes, kills, halts and replaces these by a schedule, lets the sources come
 * to an end, and compares what came out with what was acknowledged.
 * @throws Error where the pipeline does not get on any more: a process does not begin or does not end
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  const { backend, location, delivery, kills = 0, seed = 1, replicas = 2, partitions = 4, disturbances = [], log = () => undefined } = options;
  const begun = performance.now();
  const name = `crash-${randomUUID().slice(0, 8)}`;
  const channel = `${name}.results`;
  const folder = await mkdtemp(join(tmpdir(), 'millrace-crash-'));
  const ledger = join(folder, 'ledger');
  const results = options.results(channel);
  const checker = new RecordChecker();
  const transport = await backend.connect(location, options.connect);
  const parts = ['source', 'counter', 'sink'].flatMap((operator) => Array.from({ length: replicas }, (_, replica) => [`${operator}#${replica}`]));
  let crew: Crew | undefined, reader: ResultsReader | undefined;
  try {
    await transport.createResources([{ name: channel, partitions, groups: [`${name}.checker`] }]);
    reader = await ResultsReader.open(transport, { channel, partitions, owner: `${name}.checker#0`, group: `${name}.checker` }, checker);
    crew = new Crew({
      script: { url: options.worker, execArgv: options.execArgv ?? [], env: options.env ?? {}, cwd: options.cwd },
      parts,
      task: { location, runId: name, pipeline: { name, delivery, replicas, partitions, batch: options.batch ?? 20, pause: options.pause ?? 5, commitInterval: options.commitInterval ?? 20, ledger, results } },
      zombieWithin: options.zombieWithin ?? 30_000,
      log,
    });
    const stopSampling = sampling(crew, options.onSample);
    const schedule = options.schedule ?? killSchedule({ seed, kills, workers: parts.length, points: options.points, disturbances: disturbances.length });
    const disturbed = await strikeAll(crew, schedule, options, checker).finally(stopSampling);
    await crew.done(DONE_WITHIN);
    log(`every replica is done after ${seconds(begun)} s`);
    await reader.caughtUp(CAUGHT_UP_WITHIN);
    const place = { transport, pipeline: name, replicas, partitions };
    const findings = checker.balance(readLedger(ledger), await sentBySource(place));
    const problems = [...(await problemsOf(place, checker, delivery)), ...((await options.leftOpen?.(name)) ?? [])];
    const { counts, failures } = crew;
    const report = { name, seed, ...findings, ...counts, disturbances: disturbed, problems, failures, seconds: seconds(begun) };
    const broken = brokenPromises(report, delivery);
    // What went wrong may be looked at.
    if (broken.length === 0) await transport.deleteResources({ channels: [channel, ...CRASH_CHANNELS.map((each) => `${name}.${each}`)] });
    return { ...report, broken };
  } finally {
    await crew?.close();
    await reader?.close();
    await transport.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Strikes blow by blow; the last few fall while the run comes to its end. @returns how many disturbances there were */
async function strikeAll(crew: Crew, schedule: readonly Blow[], { duration = 0, disturbances = [], log = () => undefined }: CrashTestOptions, checker: RecordChecker): Promise<number> {
  const begun = performance.now();
  const finishAt = schedule.length - Math.min(3, Math.floor(schedule.length / 10));
  let disturbed = 0;
  for (const [i, blow] of schedule.entries()) {
    const due = begun + (duration * i) / schedule.length;
    await sleep(Math.max(0, due - performance.now()));
    if (i === finishAt) {
      await sleep(Math.max(0, begun + duration - performance.now()));
      crew.finish();
    }
    if (blow.kind === 'disturb') {
      const disturbance = disturbances[blow.victims[0] ?? 0];
      log(`disturbance: ${disturbance?.name}`);
      await disturbance?.run();
      disturbed++;
    } else {
      const since = performance.now();
      await crew.strike(blow);
      if (performance.now() - since > SLOW) log(`blow ${i}, ${JSON.stringify(blow)}, took ${seconds(since)} s`);
      if (blow.kind === 'kill' && crew.counts.kills % 10 === 0) log(`${crew.counts.kills} kills, ${checker.records} records came out, ${seconds(begun)} s`);
    }
  }
  await sleep(Math.max(0, begun + duration - performance.now()));
  crew.finish();
  return disturbed;
}

function sampling(crew: Crew, onSample: CrashTestOptions['onSample']): () => void {
  if (onSample === undefined) return () => undefined;
  const timer = setInterval(() => {
    for (const worker of crew.workers) {
      if (!worker.isReady || worker.hasEnded) continue;
      void worker.sample().then((sample) => sample !== undefined && onSample(worker.task.only.join(), sample));
    }
  }, 1_000);
  return () => clearInterval(timer);
}

function brokenPromises({ lost, missing, duplicated, reordered, problems, failures }: Findings & Pick<CrashReport, 'problems' | 'failures'>, delivery: CrashTestOptions['delivery']): readonly string[] {
  const broken: string[] = [];
  if (lost > 0) broken.push(`${lost} acknowledged records were lost`, ...missing);
  if (reordered > 0) broken.push(`${reordered} records came out after later ones of their key`);
  if (delivery === 'exactly-once' && duplicated > 0) broken.push(`${duplicated} records came out more than once`);
  return [...broken, ...problems, ...failures];
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

