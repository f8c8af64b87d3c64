import type { PortCounters, ReplicaCounters, Stage } from '@millrace/core';
import type { LiveReplica } from './live-replica.js';

/** One port of one replica. Counters since the start; rates per second since the look before. */
export interface PortMetrics extends PortCounters {
  readonly port: string;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Input: records that wait in the channel. */
  readonly lag: number | undefined;
}

/** One replica. */
export interface ReplicaMetrics extends ReplicaCounters {
  readonly replica: string;
  readonly operator: string;
  readonly stage: Stage;
  /** Mean ms of a step. */
  readonly msPerStep: number;
  readonly ports: readonly PortMetrics[];
}

/** All replicas of a start, at one moment. */
export interface RunMetrics {
  /** ms since the run began. */
  readonly elapsedMs: number;
  readonly replicas: readonly ReplicaMetrics[];
}

interface Look {
  readonly at: number;
  readonly counts: ReadonlyMap<string, { readonly records: number; readonly bytes: number }>;
}

/** Takes the metrics of replicas, and remembers what it saw for the rates of the next time. */
export class Meter {
  readonly #replicas: () => readonly { readonly operator: string; readonly replica: LiveReplica }[];
  readonly #began: number;
  #last: Look;

  /** @param replicas those of the moment, which a rescale changes */
  constructor(replicas: () => readonly { readonly operator: string; readonly replica: LiveReplica }[], now: number) {
    this.#replicas = replicas;
    this.#began = now;
    this.#last = { at: now, counts: new Map() };
  }

  /** Asks the backends for lags; all of them at once. */
  async look(now: number): Promise<RunMetrics> {
    const seconds = Math.max(now - this.#last.at, 1) / 1_000;
    const last = this.#last;
    const counts = new Map<string, { records: number; bytes: number }>();
    const replicas = await Promise.all(this.#replicas().map(async ({ operator, replica }): Promise<ReplicaMetrics> => {
      const lags = await replica.lag();
      const ports = [...replica.portCounters].map(([port, counters]): PortMetrics => {
        const key = `${replica.name}.${port}`;
        const before = last.counts.get(key);
        counts.set(key, { records: counters.records, bytes: counters.bytes });
        return { ...counters, port, lag: lags.get(port), recordsPerSecond: (counters.records - (before?.records ?? 0)) / seconds, bytesPerSecond: (counters.bytes - (before?.bytes ?? 0)) / seconds };
      });
      const { counters } = replica;
      return { ...counters, replica: replica.name, operator, stage: replica.stage, msPerStep: counters.steps === 0 ? 0 : counters.stepMs / counters.steps, ports };
    }));
    this.#last = { at: now, counts };
    return { elapsedMs: now - this.#began, replicas };
  }
}
