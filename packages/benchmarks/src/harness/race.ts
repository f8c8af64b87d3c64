import type { Figure } from './figure.js';
import { collectGarbage } from './garbage.js';
import { median, pairedRatio } from './statistics.js';

/** What a run took. */
export interface Measured {
  /** From the first to the last of its records. */
  readonly seconds: number;
  /** CPU time of its process meanwhile, all threads together; `undefined` where it cannot be had. */
  readonly cpuSeconds?: number | undefined;
}

/** One of several that do the same work, each with as many records as make a good round. */
export interface Contender {
  readonly name: string;
  readonly records: number;
  run(): Promise<Measured>;
  /** After its last run. */
  close?(): void;
}

export interface Rival extends Contender {
  /** The least ratio of ours to this one. */
  readonly target: number;
}

export interface Race {
  readonly bench: string;
  readonly ours: Contender;
  readonly rivals: readonly Rival[];
  /**
   * A rival runs in this process, so garbage is collected before each run: none pays for what another left. Where rivals have processes of
   * their own, or are ours too and leave the same, that would only burden ours, whose young generation it shrinks to its first size each
   * time. Default true.
   */
  readonly sharesHeap?: boolean;
}

/** A round that is not counted goes first. */
const ROUNDS = 5;

/**
 * Measures ours and each rival in turn, round by round, after one that is not counted. A figure for each rival: the rates are
 * medians, the ratio is the median of the ratios within the rounds. Without rivals a figure of ours alone. A rival that fails is
 * left out from then on, and its figure says why.
 */
export async function race({ bench, ours, rivals, sharesHeap = true }: Race, rounds = ROUNDS): Promise<Figure[]> {
  const own = new Lane(ours, sharesHeap);
  const lanes = rivals.map((rival) => new Lane(rival, sharesHeap));
  try {
    for (let round = 0; round <= rounds; round++) {
      await own.run(round > 0);
      for (const lane of lanes) await lane.tryToRun(round > 0);
    }
  } finally {
    for (const { contender } of [own, ...lanes]) contender.close?.();
  }
  const figure: Figure = { bench, value: median(own.rates), unit: 'records/s', cpu: own.cpu };
  if (rivals.length === 0) return [figure];
  return lanes.map(({ rates, cpu, failure, contender: { name } }, i): Figure => {
    const target = { at: 'least', value: rivals[i]!.target } as const;
    if (failure !== undefined) return { ...figure, missing: { name, why: failure.message }, target };
    return { ...figure, peer: { name, value: median(rates), ratio: pairedRatio(own.rates, rates), cpu }, target };
  });
}

/** What the runs of one contender gave. */
class Lane {
  readonly rates: number[] = [];
  readonly #cpu: number[] = [];
  failure: Error | undefined;

  constructor(
    readonly contender: Contender,
    private readonly sharesHeap: boolean,
  ) {}

  /** Seconds of CPU time per million records. */
  get cpu(): number | undefined {
    return this.#cpu.length === 0 ? undefined : median(this.#cpu);
  }

  async run(counts: boolean): Promise<void> {
    const { contender: { records }, contender } = this;
    if (this.sharesHeap) collectGarbage();
    const { seconds, cpuSeconds } = await contender.run();
    if (!counts) return;
    this.rates.push(records / seconds);
    if (cpuSeconds !== undefined) this.#cpu.push((cpuSeconds / records) * 1e6);
  }

  async tryToRun(counts: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      await this.run(counts);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}
