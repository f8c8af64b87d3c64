import type { Measured } from '../../harness/race.js';
import type { Job } from './job.js';

/** Makes this program do jobs that its parent sends, one after the other, until the parent leaves. */
export function serve(work: (job: Job) => Promise<Measured>): void {
  process.on('message', (job) => {
    work(job as Job).then(
      (measured) => process.send?.(measured),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}
