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
   * Every run that counts comes right behind one that does not, instead of those of the first round alone. Where a contender's turn comes
   * after many seconds of the others' V8 has thrown its compiled code away by then, and the run would measure how soon it is back.
   */
  readonly warmsUpEachRound?: boolean;
}

const ROUNDS = 5;

/**
 * Measures ours and each rival in turn, round by round, after runs that are not counted. A figure for each rival: the rates are
 * medians, the ratio is the median of the ratios within the rounds. Without rivals a figure of ours alone. A rival that fails is
 * left out from then on, and its figure says why.
 */
export async function race({ bench, ours, rivals, warmsUpEachRound = false }: Race, rounds = ROUNDS): Promise<Figure[]> {
  const own = new Lane(ours);
  const lanes = rivals.map((rival) => new Lane(rival));
  try {
    for (let round = 0; round <= rounds; round++) {
      const isWarmUp = round === 0;
      if (isWarmUp && warmsUpEachRound) continue;
      for (const lane of [own, ...lanes]) {
        if (warmsUpEachRound) await lane.run(false);
        await lane.run(!isWarmUp);
        if (own.failure !== undefined) throw own.failure;
      }
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

  constructor(readonly contender: Contender) {}

  /** Seconds of CPU time per million records. */
  get cpu(): number | undefined {
    return this.#cpu.length === 0 ? undefined : median(this.#cpu);
  }

  async #run(counts: boolean): Promise<void> {
    const { contender: { records }, contender } = this;
    // None pays for what another left.
    collectGarbage();
    const { seconds, cpuSeconds } = await contender.run();
    if (!counts) return;
    this.rates.push(records / seconds);
    if (cpuSeconds !== undefined) this.#cpu.push((cpuSeconds / records) * 1e6);
  }

  /** Runs unless it has failed. Never rejects. */
  async run(counts: boolean): Promise<void> {
    if (this.failure !== undefined) return;
    try {
      await this.#run(counts);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
  }
}
