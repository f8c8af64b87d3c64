import { decodeFact, FactKey, type Control } from '@millrace/core';

/** What control says of the replicas of an operator. */
export interface ReplicasFact {
  /** Replicas now, and the most there ever were. */
  readonly count: number;
  readonly highest: number;
  /** State is on its way to these replicas: whoever comes next sees that all of it arrives. */
  readonly isMoving?: true;
  /** Channels of the pipeline that it read or lost records to, in this start and earlier ones. */
  readonly channels?: readonly string[];
}

/** The facts under a prefix, as they are now. */
export async function readFacts(control: Control, prefix: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const facts = new Map<string, Uint8Array>();
  const follower = await control.follow(prefix, (key, value) => void (value === undefined ? facts.delete(key) : facts.set(key, value)));
  await follower.close();
  return facts;
}

/** Replicas of earlier starts by operator, also of operators that are no longer in the pipeline. */
export async function readReplicas(control: Control): Promise<ReadonlyMap<string, ReplicasFact>> {
  const replicas = new Map<string, ReplicasFact>();
  const prefix = FactKey.replicas('');
  for (const [key, value] of await readFacts(control, prefix)) {
    const fact = decodeFact<ReplicasFact>(value);
    if (fact !== undefined) replicas.set(key.slice(prefix.length), fact);
  }
  return replicas;
}

