import type { Measured, Rival } from '../../harness/race.js';
import { bootstrap } from '../broker.js';
import { uniqueName, withOutput } from '../topics.js';
import type { Job } from './job.js';

/** What does jobs. */
interface Peer {
  run(job: Job): Promise<Measured>;
  close?(): void;
}

export interface RivalOptions {
  readonly name: string;
  /** The least ratio of ours to it. */
  readonly target: number;
  /** Records of a round; of a topic that it reads all. */
  readonly records: number;
  /** The topic that it reads, if any. */
  readonly from?: string;
  /** Whether it writes into a topic, which it then gets for the round. */
  readonly writes: boolean;
  /** Called before its first round. */
  readonly start: () => Peer | Promise<Peer>;
}

/** A peer as one of the contenders. */
export function rival({ name, target, records, from, writes, start }: RivalOptions): Rival {
  let peer: Peer | undefined;
  return {
    name, target, records,
    run: async () => {
      const started = (peer ??= await start());
      const job: Job = { bootstrap: bootstrap(), records, from, group: uniqueName('group') };
      return writes ? withOutput('peer', records, (to) => started.run({ ...job, to })) : started.run(job);
    },
    close: () => peer?.close?.(),
  };
}
