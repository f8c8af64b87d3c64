import type { Figure } from '../harness/figure.js';
import { race, type Rival } from '../harness/race.js';
import { NodePeer } from './peers/node-peer.js';
import { CITED_RATE, Pypz } from './peers/pypz.js';
import { contender, rival, type Peer } from './peers/rival.js';

const RECORDS = 1_000_000;
const TARGET = 100;
/** Runs before one that counts: V8 throws away what it has compiled while pypz takes its minute, and a run of a second is over before that is back. */
const WARM_UPS = 10;

/** Two operators over a channel of their own, from start to finish, one pipeline after another. */
export async function pipeline(): Promise<readonly Figure[]> {
  return await race({
    bench: 'kafka/pipeline',
    ours: contender({ name: 'millrace', records: RECORDS, writes: false, start: warm }),
    rivals: [await pypz()],
  });
}

function warm(): Peer {
  const peer = new NodePeer(new URL('./our-program.js', import.meta.url), { args: ['pipeline'] });
  return {
    run: async (job) => {
      for (let run = 0; run < WARM_UPS; run++) await peer.run(job);
      return await peer.run(job);
    },
    close: () => peer.close(),
  };
}

/** Live, or else what it reached elsewhere, and named so. */
async function pypz(): Promise<Rival> {
  try {
    const installed = await Pypz.install();
    return rival({ name: 'pypz', target: TARGET, records: RECORDS, writes: false, start: () => installed });
  } catch (error) {
    console.error(`\x1b[31mkafka/pipeline: pypz cannot be run here, so its rate is one measured elsewhere: ${String(error)}\x1b[0m`);
    return { name: 'pypz (cited)', target: TARGET, records: RECORDS, run: async () => ({ seconds: RECORDS / CITED_RATE }) };
  }
}
