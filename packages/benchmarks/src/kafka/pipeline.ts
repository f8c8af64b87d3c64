import { runFlow } from '../flow/flow.js';
import { Watch } from '../flow/watch.js';
import type { Figure } from '../harness/figure.js';
import { race, type Measured, type Rival } from '../harness/race.js';
import { startStopwatch } from '../harness/stopwatch.js';
import { CITED_RATE, Pypz } from './peers/pypz.js';
import { rival } from './peers/rival.js';
import { location } from './runs.js';
import { withPipelineName } from './topics.js';

const RECORDS = 1_000_000;
/** pypz takes a minute for what takes Millrace less than a second. */
const FEW = 50_000;
const TARGET = 100;

/** A source and a sink over a channel of their own. */
export async function pipeline(): Promise<readonly Figure[]> {
  return await race({ bench: 'kafka/pipeline', ours: { name: 'millrace', records: RECORDS, run: startToFinish }, rivals: [await pypz()] });
}

/** From the call of `orchestrate` to the end of the run, the topics being deleted again. */
function startToFinish(): Promise<Measured> {
  return withPipelineName('pipeline', async (name) => {
    const stop = startStopwatch();
    await runFlow({ name, batchSize: 500, validate: 'structure', location: location() }, new Watch(RECORDS));
    return stop();
  });
}

/** Live, or else what it reached elsewhere, and named so. */
async function pypz(): Promise<Rival> {
  try {
    const installed = await Pypz.install();
    return rival({ name: 'pypz', target: TARGET, records: FEW, writes: false, start: () => installed });
  } catch (error) {
    console.error(`\x1b[31mkafka/pipeline: pypz cannot be run here, so its rate is one measured elsewhere: ${String(error)}\x1b[0m`);
    return { name: 'pypz (cited)', target: TARGET, records: FEW, run: async () => ({ seconds: FEW / CITED_RATE }) };
  }
}
