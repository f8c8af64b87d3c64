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
}

export interface Rival extends Contender {
  /** The least ratio of ours to this one. */
  readonly target: number;
}

export interface Race {
  readonly bench: string;
  readonly ours: Contender;
  readonly rivals: readonly Rival[];
}

/** A round that is not counted goes first. */
const ROUNDS = 5;

/**
 * Measures ours and each rival in turn, round by round, after one that is not counted. A figure for each rival: the rates are
 * medians, the ratio is the median of the ratios within the rounds. Without rivals a figure of ours alone.
 */
export async function race({ bench, ours, rivals }: Race, rounds = ROUNDS): Promise<Figure[]> {
  const contenders: readonly Contender[] = [ours, ...rivals];
  const rates = contenders.map((): number[] => []);
  const cpu = contenders.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      collectGarbage();
      const { seconds, cpuSeconds } = await contender.run();
      if (round === 0) continue;
      rates[i]!.push(contender.records / seconds);
      if (cpuSeconds !== undefined) cpu[i]!.push((cpuSeconds / contender.records) * 1e6);
    }
  }
  const cpuOf = (i: number): number | undefined => (cpu[i]!.length === 0 ? undefined : median(cpu[i]!));
  const own = { bench, value: median(rates[0]!), unit: 'records/s', cpu: cpuOf(0) };
  if (rivals.length === 0) return [own];
  return rivals.map(({ name, target }, i) => ({
    ...own,
    peer: { name, value: median(rates[i + 1]!), ratio: pairedRatio(rates[0]!, rates[i + 1]!), cpu: cpuOf(i + 1) },
    target: { at: 'least', value: target },
  }));
}
