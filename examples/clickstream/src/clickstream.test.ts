import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperatorHarness, SettableClock } from '@millrace/testing';
import { ContainerModule, dropMemorySpace, orchestrate, type OrchestrateOptions, type Run } from 'millrace';
import { afterEach, describe, expect, it } from 'vitest';
import { Clickstream } from './clickstream.js';
import { Printer } from './printer.js';
import type { Session } from './records.js';
import { script } from './script.js';
import { Sessions } from './sessions.js';
import { CLOCK } from './tokens.js';

const SPACE = 'clickstream-test';
const START = Date.UTC(2026, 0, 1);
const byStart = (sessions: readonly Session[]): Session[] => sessions.toSorted((a, b) => a.from - b.from || a.user.localeCompare(b.user));

/** What the users of the site do, cut where nothing happens for more than a second. */
function expected(): Session[] {
  const sessions: Session[] = [];
  for (const { user, page, after } of script(6, 10)) {
    const last = sessions.findLast((session) => session.user === user);
    const at = START + after;
    if (last === undefined || at > last.to + 1_000) sessions.push({ user, from: at, to: at, pages: [page] });
    else Object.assign(last, { to: at, pages: [...last.pages, page] });
  }
  return byStart(sessions);
}

class Kept extends Printer {
  readonly sessions: Session[] = [];
  #seen!: () => void;
  readonly first = new Promise<void>((resolve) => {
    this.#seen = resolve;
  });

  override print(session: Session): void {
    this.sessions.push(session);
    this.#seen();
  }
}

function start(clock: SettableClock, kept: Kept, options: Omit<OrchestrateOptions, 'services'>): Promise<Run> {
  const services = new ContainerModule(({ bind }) => {
    bind(CLOCK).toConstantValue(clock);
    bind(Printer).toConstantValue(kept);
  });
  return orchestrate(new Clickstream('clickstream'), { ...options, services, handleSignals: false });
}

async function running(run: Run, replica: string): Promise<void> {
  while (run.stages.get(replica) !== 'OperationRunning') await new Promise((resolve) => run.once('stage', resolve));
}

describe('the pipeline', () => {
  afterEach(() => dropMemorySpace(SPACE));

  it('makes the sessions that there were, and prints most of them long before the site is done', async () => {
    const clock = new SettableClock({ wall: START });
    const kept = new Kept();
    const run = await start(clock, kept, { location: `memory:${SPACE}`, clock });
    let isOver = false;
    const completed = run.completed.finally(() => (isOver = true));
    while (clock.now() < 9_000) await clock.advance(5);
    const early = expected().filter(({ to }) => to < START + 7_000);
    expect(byStart(kept.sessions).slice(0, early.length)).toEqual(early);
    while (!isOver) await clock.advance(5);
    expect((await completed).outcome).toBe('done');
    expect(byStart(kept.sessions)).toEqual(expected());
  });

  it('goes on with open sessions after a stop, and catches up with what happened meanwhile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-clickstream-'));
    // Stands still: only the time of the clicks counts.
    const clock = new SettableClock({ wall: START });
    const kept = new Kept();
    const options = { location: `local:${folder}`, defaults: { delivery: 'exactly-once' } } as const;
    try {
      const first = await start(clock, kept, options);
      await running(first, 'clickstream.site#0');
      clock.setWall(START + 5_000);
      await kept.first;
      expect((await first.stop()).outcome).toBe('drained');
      expect(kept.sessions.length).toBeLessThan(expected().length);
      clock.setWall(START + 3_600_000);
      expect((await (await start(clock, kept, options)).completed).outcome).toBe('done');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    expect(byStart(kept.sessions)).toEqual(expected());
  });
});

describe('a session', () => {
  const create = (): Promise<OperatorHarness<Sessions>> => {
    const clock = new SettableClock({ wall: START });
    return OperatorHarness.create(Sessions, { clock, tick: 100, partitions: { clicks: 2 }, services: new ContainerModule(({ bind }) => void bind(CLOCK).toConstantValue(clock)) });
  };
  const click = (page: string, after: number, user = 'ann') => ({ user, page, at: START + after });
  const session = (from: number, to: number, ...pages: string[]): Session => ({ user: 'ann', from: START + from, to: START + to, pages });

  it('ends by a tick when nothing comes, not before', async () => {
    const sessions = await create();
    sessions.input('clicks').push([click('/a', 0), click('/b', 1_000)], { partition: 0 });
    await sessions.advance(1_500);
    expect(sessions.output('sessions').take()).toEqual([]);
    await sessions.advance(100);
    expect(sessions.output('sessions').take()).toEqual([session(0, 1_000, '/a', '/b')]);
    expect(sessions.state.visits[0]).toMatchObject({ open: {} });
    await sessions.close();
  });

  it('ends by a click of its user that comes too late', async () => {
    const sessions = await create();
    sessions.input('clicks').push([click('/a', 0), click('/b', 1_001)], { partition: 0 });
    await sessions.run();
    expect(sessions.output('sessions').take()).toEqual([session(0, 0, '/a')]);
    await sessions.close();
  });

  it('ends by the clicks of others in its partition, and not by those elsewhere', async () => {
    const sessions = await create();
    const ended = () => sessions.output('sessions').take();
    sessions.input('clicks').push([click('/a', 0)], { partition: 0 });
    sessions.input('clicks').push([click('/b', 60_000, 'bob')], { partition: 1 });
    await sessions.advance(100);
    expect(ended()).toEqual([]);
    sessions.input('clicks').push([click('/c', 2_000, 'cy')], { partition: 0 });
    await sessions.advance(100);
    expect(ended()).toEqual([session(0, 0, '/a')]);
    await sessions.close();
  });

  it('survives a crash, and the time that nobody was there is not held against it', async () => {
    const sessions = await create();
    sessions.input('clicks').push([click('/a', 0)], { partition: 0 });
    await sessions.run();
    await sessions.stop();
    await sessions.clock.advance(3_600_000);
    sessions.input('clicks').push([click('/b', 900)], { partition: 0 });
    await sessions.restart();
    await sessions.advance(1_600);
    expect(sessions.output('sessions').take()).toEqual([session(0, 900, '/a', '/b')]);
    await sessions.close();
  });
});
