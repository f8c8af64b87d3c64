import type { Replica } from '@millrace/core';

/** A replica as a run deals with it, wherever it is and however often it was started. */
export type LiveReplica = Pick<Replica, 'name' | 'stage' | 'busy' | 'counters' | 'portCounters' | 'lag' | 'run' | 'interrupt' | 'abandon'>;
