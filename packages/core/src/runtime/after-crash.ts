import { MillraceError } from '../error/index.js';
import type { AfterCrash } from './environment.js';
import type { Execution } from './execution.js';
import type { Replay } from './replay.js';

/** More is not handed out between two commits, and a replay of one record at a time is slow. */
const MOST_UNCOMMITTED = 100_000;

/**
 * Begins a replay after a crash, which tells nothing of how far the replica had come: up to all that was there to be read, and at
 * most as much as may be handed out between two commits.
 */
export async function replayAfterCrash({ poisons }: AfterCrash, execution: Execution, replay: Replay): Promise<void> {
  for (const { record, policy, attempts, message } of poisons) {
    const { port, partition, offset } = record;
    replay.giveUp(record, { policy, attempts, cause: new MillraceError('MILLRACE_CHILD_CRASHED', message, { operator: execution.name, port, partition, offset }) });
  }
  for (const [name, port] of execution.inputs) {
    const ends = await port.reader.endOffsets();
    replay.begin(name, new Map([...port.positions].map(([partition, position]) => [partition, Math.min(ends.get(partition) ?? position, position + MOST_UNCOMMITTED)])));
  }
}
