import type { Contender, Measured, Rival } from '../../harness/race.js';
import { bootstrap } from '../broker.js';
import { uniqueName, withOutput } from '../topics.js';
import type { Job } from './job.js';

/** What does jobs. */
export interface Peer {
  run(job: Job): Promise<Measured>;
  close?(): void;
}

export interface PeerOptions {
  readonly name: string;
  /** Records of a round; of a topic that it reads all. */
  readonly records: number;
  /** The topic that it reads, if any. */
  readonly from?: string;
  /** Whether it writes into a topic, which it then gets for the round. */
  readonly writes: boolean;
  /** Called before its first round. */
  readonly start: () => Peer | Promise<Peer>;
  /** Looks at the topic that it wrote first. */
  readonly verify?: (to: string) => Promise<unknown>;
}

export interface RivalOptions extends PeerOptions {
  /** The least ratio of ours to it. */
  readonly target: number;
}

/** A peer that has a new process for each job, so that nothing is compiled when it begins. */
export function anew(start: PeerOptions['start']): Peer {
  return {
    run: async (job) => {
      const peer = await start();
      try {
        return await peer.run(job);
      } finally {
        peer.close?.();
      }
    },
  };
}

/** A peer as one that ours is measured against. */
export function rival({ target, ...options }: RivalOptions): Rival {
  return { ...contender(options), target };
}

/** A peer as one of the contenders. */
export function contender({ name, records, from, writes, start, verify }: PeerOptions): Contender {
  let peer: Peer | undefined;
  let unverified = verify;
  return {
    name, records,
    run: async () => {
      const started = (peer ??= await start());
      const job: Job = { bootstrap: bootstrap(), records, from, group: uniqueName('group') };
      if (!writes) return started.run(job);
      return withOutput('peer', records, async (to) => {
        const measured = await started.run({ ...job, to });
        await unverified?.(to);
        unverified = undefined;
        return measured;
      });
    },
    close: () => peer?.close?.(),
  };
}
