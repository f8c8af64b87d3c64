import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Figure } from '../harness/figure.js';
import { median } from '../harness/statistics.js';
import { location } from './runs.js';
import { withPipelineName } from './topics.js';

const PROGRAM = fileURLToPath(new URL('./hello-program.js', import.meta.url));
const ROUNDS = 7;

/** A pipeline that nobody ran before, of 30 records: from the start of Node.js to its exit. */
export async function hello(): Promise<readonly Figure[]> {
  const seconds: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    await withPipelineName('hello', async (name) => {
      const startedAt = performance.now();
      const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, name, location()]);
      if (round >= 0) seconds.push((performance.now() - startedAt) / 1000);
      const lines = stdout.trim().split('\n').length;
      if (lines !== 30) throw new Error(`it printed ${lines} greetings instead of 30`);
    });
  }
  return [{ bench: 'kafka/hello', value: median(seconds), unit: 's', target: { at: 'most', value: 1 } }];
}
