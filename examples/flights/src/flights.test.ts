import { ContainerModule, dropMemorySpace, orchestrate, type Run } from 'millrace';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Airports } from './airports.js';
import { AIRPORTS, FLIGHTS } from './data.js';
import { Flights } from './flights.js';
import { onePass } from './one-pass.js';
import { Scoreboard, type Ranked } from './scoreboard.js';

const SPACE = 'flights-test';
let airports: Airports;

beforeAll(async () => {
  airports = await Airports.load(AIRPORTS);
});
afterEach(() => dropMemorySpace(SPACE));

/** Tells when there is the first ranking. */
class Watched extends Scoreboard {
  #seen!: () => void;
  readonly first = new Promise<void>((resolve) => {
    this.#seen = resolve;
  });

  override show(ranking: readonly Ranked[], flights: number): void {
    super.show(ranking, flights);
    if (flights > 0) this.#seen();
  }
}

async function start(rows: number, delivery: 'at-least-once' | 'exactly-once', query = ''): Promise<{ run: Run; board: Watched }> {
  const board = new Watched();
  const services = new ContainerModule(({ bind }) => {
    bind(Airports).toConstantValue(airports);
    bind(Scoreboard).toConstantValue(board);
  });
  const run = await orchestrate(new Flights('flights', { file: FLIGHTS, rows, replicas: 3 }), { location: `memory:${SPACE}${query}`, services, defaults: { delivery } });
  return { run, board };
}

// Real amounts of data: a busy machine takes its time.
describe('the ten worst airports are those of one pass over the files', { timeout: 60_000 }, () => {
  const ROWS = 200_000;
  let expected: Awaited<ReturnType<typeof onePass>>;

  beforeAll(async () => {
    expected = await onePass(ROWS);
  });

  it('which has ten of them', () => {
    expect(expected.map(({ airport, flights }) => [(airport as { iata: string }).iata, flights])).toEqual([
      ['SCC', 9], ['BET', 35], ['WRG', 20], ['DRO', 12], ['XNA', 187], ['CMI', 67], ['PSG', 18], ['BFL', 63], ['BMI', 50], ['MRY', 62],
    ]);
  });

  it.each([
    ['at-least-once', ''],
    ['exactly-once', ''],
    ['at-least-once', '?wire'],
  ] as const)('%s, memory:%s', async (delivery, query) => {
    const { run, board } = await start(ROWS, delivery, query);
    expect((await run.completed).outcome).toBe('done');
    expect(board.flights).toBe(ROWS);
    expect(board.ranking).toEqual(expected);
  });
});

describe('a run that was stopped in the middle goes on where it ended', { timeout: 60_000 }, () => {
  const ROWS = 50_000;
  let expected: Awaited<ReturnType<typeof onePass>>;

  beforeAll(async () => {
    expected = await onePass(ROWS);
  });

  it.each([
    ['at-least-once', 'drain', 'drained'],
    ['exactly-once', 'drain', 'drained'],
    ['at-least-once', 'now', 'stopped'],
    ['exactly-once', 'now', 'stopped'],
  ] as const)('%s, %s', async (delivery, mode, outcome) => {
    const first = await start(ROWS, delivery);
    await first.board.first;
    expect(await first.run.stop({ mode })).toMatchObject({ outcome });
    expect(first.board.flights).toBeGreaterThan(0);
    expect(first.board.flights).toBeLessThan(ROWS);

    const second = await start(ROWS, delivery);
    expect((await second.run.completed).outcome).toBe('done');
    expect(second.board.flights).toBe(ROWS);
    expect(second.board.ranking).toEqual(expected);
  });
});
