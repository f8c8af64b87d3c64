import type { PortCounters, ReplicaCounters } from '@millrace/core';
import type { LiveReplica } from '../live-replica.js';

/** Counters of the lives of a replica that are over. */
export class PastCounters {
  #replica: ReplicaCounters = { steps: 0, stepMs: 0, commits: 0, retries: 0 };
  readonly #ports = new Map<string, PortCounters>();

  /** A life is over. */
  add({ counters, portCounters }: LiveReplica): void {
    this.#replica = sum(this.#replica, counters);
    for (const [port, ofPort] of portCounters) this.#ports.set(port, sum(this.#ports.get(port), ofPort));
  }

  /** With those of the life that goes on. */
  replica({ counters }: LiveReplica): ReplicaCounters {
    return sum(this.#replica, counters);
  }

  ports({ portCounters }: LiveReplica): Map<string, PortCounters> {
    return new Map([...new Set([...this.#ports.keys(), ...portCounters.keys()])].map((port) => [port, sum(this.#ports.get(port), portCounters.get(port))]));
  }
}

function sum<C extends ReplicaCounters | PortCounters>(one: C | undefined, other: C | undefined): C {
  if (one === undefined || other === undefined) return (one ?? other)!;
  return Object.fromEntries(Object.entries(one).map(([key, value]) => [key, (value as number) + (other as unknown as Readonly<Record<string, number>>)[key]!])) as unknown as C;
}
