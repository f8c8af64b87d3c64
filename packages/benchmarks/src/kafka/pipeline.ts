import type { Figure } from '../harness/figure.js';
import { race, type Rival } from '../harness/race.js';
import { NodePeer } from './peers/node-peer.js';
import { CITED_RATE, Pypz } from './peers/pypz.js';
import { contender, rival } from './peers/rival.js';

const RECORDS = 1_000_000;
const TARGET = 100;

/** Two operators over a channel of their own, from start to finish. */
export async function pipeline(): Promise<readonly Figure[]> {
  const start = (): NodePeer => new NodePeer(new URL('./our-program.js', import.meta.url), { args: ['pipeline'] });
  return await race({
    bench: 'kafka/pipeline',
    warmsUpEachRound: true,
    ours: contender({ name: 'millrace', records: RECORDS, writes: false, start }),
    rivals: [await pypz()],
  });
}

/** Live, or else what it reached elsewhere, and named so. */
async function pypz(): Promise<Rival> {
  try {
    const installed = await Pypz.install();
    return { ...rival({ name: 'pypz', target: TARGET, records: RECORDS, writes: false, start: () => installed }), isAlwaysCold: true };
  } catch (error) {
    console.error(`\x1b[31mkafka/pipeline: pypz cannot be run here, so its rate is one measured elsewhere: ${String(error)}\x1b[0m`);
    return { name: 'pypz (cited)', target: TARGET, records: RECORDS, run: async () => ({ seconds: RECORDS / CITED_RATE }) };
  }
}
