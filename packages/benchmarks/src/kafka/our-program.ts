import type { Measured } from '../harness/race.js';
import type { Job } from './peers/job.js';
import { serve } from './peers/serve.js';
import { consume, produce, startToFinish, transform, type Delivery, type Reads } from './runs.js';

const WORK: Readonly<Record<string, (job: Job, ...args: string[]) => Promise<Measured>>> = {
  produce: ({ to = '', records }) => produce(to, records),
  consume: ({ from = '', records }, reads) => consume(from, records, { reads: reads as Reads }),
  transform: ({ from = '', to = '' }, delivery, reads) => transform(from, to, delivery as Delivery, reads as Reads),
  pipeline: ({ records }) => startToFinish(records),
};

const [what = '', ...args] = process.argv.slice(2);

/** Our side of a race, in a process of its own as the others have. The arguments say what it does, and how. */
serve((job) => WORK[what]!(job, ...args));
