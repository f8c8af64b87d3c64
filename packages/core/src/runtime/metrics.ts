/** Counters of a port of one replica, since the start. Bytes are those of encoded values: 0 where objects go by reference. @internal */
export interface PortCounters {
  records: number;
  bytes: number;
  batches: number;
  /** Input: records passed over by `onError: 'skip'`. */
  skipped: number;
  /** Input: records that became dead letters. */
  deadLettered: number;
  /** Input: records without a value that were passed over. */
  tombstones: number;
  /** Output: records not sent because every reader of their partition is done. */
  dropped: number;
  /** Output: ms in which the operator waited for room. */
  backPressureMs: number;
}

/** Counters of one replica. @internal */
export interface ReplicaCounters {
  steps: number;
  /** ms spent in steps; estimated from samples where steps are short. */
  stepMs: number;
  commits: number;
  /** Times the operator was built anew after a failed step. */
  retries: number;
}

export function portCounters(): PortCounters {
  return { records: 0, bytes: 0, batches: 0, skipped: 0, deadLettered: 0, tombstones: 0, dropped: 0, backPressureMs: 0 };
}

export function replicaCounters(): ReplicaCounters {
  return { steps: 0, stepMs: 0, commits: 0, retries: 0 };
}
