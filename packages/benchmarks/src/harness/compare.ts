import type { Figure } from './figure.js';
import { collectGarbage } from './garbage.js';
import { median, pairedRatio } from './statistics.js';

/** One of two sides that do the same work. */
export interface Side {
  readonly name: string;
  /** Processes that many records and returns the seconds from the first to the last of them. */
  run(records: number): Promise<number>;
}

export interface Comparison {
  readonly bench: string;
  readonly ours: Side;
  readonly peer: Side;
  /** The least ratio of ours to the peer's. */
  readonly target: number;
}

export interface Rounds {
  /** Counted rounds of each side. */
  readonly rounds: number;
  /** How long the quicker side is busy in a round at least. */
  readonly seconds: number;
}

/** Many short rounds rather than a few long ones: machines change their pace within seconds, and a ratio is of two rounds that lie side by side. */
export const ROUNDS: Rounds = { rounds: 15, seconds: 1.5 };

/** Records of the first warm-up round. */
const FIRST = 10_000;

/**
 * Measures both sides in turn, ours first, after a warm-up that also finds how many records a round needs. The rates are the
 * medians of the rounds; the ratio is the median of the ratios of ours to the peer's round right after it.
 */
export async function compare({ bench, ours, peer, target }: Comparison, { rounds, seconds }: Rounds = ROUNDS): Promise<Figure> {
  let records = FIRST;
  for (;;) {
    const quicker = Math.min(await measure(ours, records), await measure(peer, records));
    if (quicker >= seconds) break;
    // Code that is not compiled yet is slow, so the first rounds say little of how many records it takes.
    records = Math.ceil(records * Math.min(10, Math.max(1.2, (1.1 * seconds) / quicker)));
  }
  const rates: number[] = [];
  const peerRates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    rates.push(records / (await measure(ours, records)));
    peerRates.push(records / (await measure(peer, records)));
  }
  return {
    bench, value: median(rates), unit: 'records/s',
    peer: { name: peer.name, value: median(peerRates), ratio: pairedRatio(rates, peerRates) },
    target: { at: 'least', value: target },
  };
}

async function measure(side: Side, records: number): Promise<number> {
  collectGarbage();
  return await side.run(records);
}
