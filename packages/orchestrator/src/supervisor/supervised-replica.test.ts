import { MillraceError, type ReplicaEvents, type ReplicaOutcome, type Stage } from '@millrace/core';
import { SettableClock } from '@millrace/testing';
import { beforeEach, expect, it } from 'vitest';
import { SupervisedReplica, type Life, type SupervisedOptions } from './supervised-replica.js';

const closed: ReplicaOutcome = { name: 'p.a#0', stage: 'Closed', reason: 'done', exitCode: 0, error: undefined };
const crash = (n = 1): Error => new MillraceError('MILLRACE_CHILD_CRASHED', `crash ${n}`);

/** A life that ends as it is told. */
class FakeLife implements Life {
  readonly name = 'p.a#0';
  readonly stage: Stage = 'OperationRunning';
  readonly busy = undefined;
  readonly counters = { steps: 2, stepMs: 1, commits: 1, retries: 0 };
  readonly portCounters = new Map();
  readonly heard: string[] = [];
  #end!: (outcome: ReplicaOutcome) => void;
  readonly #ended = new Promise<ReplicaOutcome>((resolve) => (this.#end = resolve));

  constructor(private readonly events: ReplicaEvents) {}

  lag(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map());
  }
  run(): Promise<ReplicaOutcome> {
    return this.#ended;
  }
  interrupt(kind: string): void {
    this.heard.push(kind);
    if (kind === 'stop') this.#end({ ...closed, reason: 'stopped', exitCode: 130 });
  }
  abandon(): void {}
  fails(error: Error): void {
    this.events.error(this.name, error, 'onRunning', true);
    this.#end({ ...closed, stage: 'Failed', reason: 'failed', exitCode: 115, error });
  }
  ends(): void {
    this.#end(closed);
  }
}

let clock: SettableClock;
let lives: FakeLife[];
let told: string[];
beforeEach(() => {
  clock = new SettableClock();
  lives = [];
  told = [];
});

function supervise(options: Partial<SupervisedOptions> = {}): SupervisedReplica {
  return new SupervisedReplica({
    name: 'p.a#0', clock,
    restart: { times: 2, within: 1_000_000, backoff: 1_000, longest: 1_000, afterErrors: false },
    events: {
      stage() {},
      degraded() {},
      error: (_replica, error, _source, fatal) => told.push(`${fatal ? 'fatal' : 'error'} ${(error as MillraceError).code}`),
      restart: (_replica, _error, attempt) => told.push(`restart ${attempt}`),
    },
    begin: (events) => {
      const life = new FakeLife(events);
      lives.push(life);
      return life;
    },
    ...options,
  });
}

/** Lets pauses pass until there are so many lives. */
async function lived(count: number): Promise<FakeLife> {
  for (let turn = 0; lives.length < count; turn++) {
    if (turn > 100) throw new Error(`only ${lives.length} of ${count} lives`);
    await clock.advance(100);
  }
  return lives.at(-1)!;
}

it('comes back after a crash, and counts over all its lives', async () => {
  const replica = supervise();
  const outcome = replica.run();
  lives[0]!.fails(crash());
  (await lived(2)).ends();
  expect(await outcome).toEqual(closed);
  expect(told).toEqual(['error MILLRACE_CHILD_CRASHED', 'restart 1']);
  expect(replica.counters).toEqual({ steps: 4, stepMs: 2, commits: 2, retries: 0 });
});

it('fails with all its failures once there are too many', async () => {
  const outcome = supervise().run();
  lives[0]!.fails(crash(1));
  (await lived(2)).fails(crash(2));
  (await lived(3)).fails(crash(3));
  const { stage, error } = await outcome;
  expect(stage).toBe('Failed');
  expect(error).toMatchObject({ code: 'MILLRACE_RESTARTS_EXHAUSTED', message: expect.stringMatching(/crash 1[^]*crash 2[^]*crash 3/) });
  expect(told.at(-1)).toBe('fatal MILLRACE_RESTARTS_EXHAUSTED');
});

it.each([
  ['an error, where restart was not asked for', new MillraceError('MILLRACE_STEP_FAILED', 'x')],
  ['being fenced', new MillraceError('MILLRACE_FENCED', 'x')],
])('does not come back after %s', async (_what, error) => {
  const outcome = supervise().run();
  lives[0]!.fails(error);
  expect(await outcome).toMatchObject({ stage: 'Failed', error });
  expect(told).toEqual([`fatal ${error.code}`]);
});

it('comes back after a transaction that the cluster gave up, without being asked: nobody is at fault', async () => {
  const outcome = supervise().run();
  lives[0]!.fails(new MillraceError('MILLRACE_TRANSACTION_LOST', 'x'));
  (await lived(2)).ends();
  expect(await outcome).toEqual(closed);
  expect(told).toEqual(['error MILLRACE_TRANSACTION_LOST', 'restart 1']);
});

it('comes back after an error where restart was asked for', async () => {
  const outcome = supervise({ restart: { times: 1, within: 1_000, backoff: 1, longest: 1, afterErrors: true } }).run();
  lives[0]!.fails(new MillraceError('MILLRACE_STEP_FAILED', 'x'));
  (await lived(2)).ends();
  expect(await outcome).toEqual(closed);
});

it('a stop in the pause ends it at once, and well', async () => {
  const replica = supervise();
  const outcome = replica.run();
  lives[0]!.fails(crash());
  while (!told.includes('restart 1')) await Promise.resolve();
  replica.interrupt('stop', 'SIGTERM');
  expect(await outcome).toMatchObject({ stage: 'Closed', reason: 'stopped' });
  expect(lives).toHaveLength(2);
});

it('a drain that comes while it is away is told to its next life', async () => {
  const replica = supervise();
  const outcome = replica.run();
  lives[0]!.fails(crash());
  replica.interrupt('drain', 'SIGTERM');
  const life = await lived(2);
  life.ends();
  await outcome;
  expect(life.heard).toEqual(['drain']);
});

it('gives way to a newer start that came in the pause', async () => {
  const outcome = supervise({ overtaken: () => Promise.resolve(new MillraceError('MILLRACE_FENCED', 'newer')) }).run();
  lives[0]!.fails(crash());
  while (!told.includes('restart 1')) await Promise.resolve();
  await clock.advance(10_000);
  expect(await outcome).toMatchObject({ stage: 'Failed', error: { code: 'MILLRACE_FENCED' } });
  expect(lives).toHaveLength(1);
});
