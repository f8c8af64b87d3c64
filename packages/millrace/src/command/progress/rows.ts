import type { Stage } from '@millrace/core';
import type { RunMetrics } from '@millrace/orchestrator';

/** One operator, all replicas of this start together. */
export interface ProgressRow {
  readonly operator: string;
  /** `running`, or where replicas differ `2 running, 1 closed`. */
  readonly stage: string;
  /** Records read; of a source: sent. */
  readonly records: number;
  readonly perSecond: number;
  /** Records that wait for it; a source has none. */
  readonly lag: number | undefined;
  readonly restarts: number;
}

const WORDS: Readonly<Record<Stage, string>> = {
  Entry: 'starting', ServiceStart: 'starting', ResourceCreation: 'starting', OperationInit: 'opening', OperationRunning: 'running',
  OperationShutdown: 'closing', ResourceDeletion: 'closing', ServiceShutdown: 'closing', Closed: 'closed', Failed: 'failed',
};

/**
 * @param restarts so far, by replica
 * @param inputs names of input ports, by operator
 */
export function rowsOf({ replicas }: RunMetrics, restarts: ReadonlyMap<string, number>, inputs: ReadonlyMap<string, readonly string[]>): readonly ProgressRow[] {
  return [...new Set(replicas.map(({ operator }) => operator))].map((operator): ProgressRow => {
    const own = replicas.filter((replica) => replica.operator === operator);
    const names = inputs.get(operator) ?? [];
    const ports = own.flatMap((replica) => (names.length === 0 ? replica.ports : replica.ports.filter(({ port }) => names.includes(port))));
    const lags = ports.flatMap(({ lag }) => lag ?? []);
    return {
      operator,
      stage: stagesText(own.map(({ stage }) => WORDS[stage])),
      records: sum(ports.map(({ records }) => records)),
      perSecond: sum(ports.map(({ recordsPerSecond }) => recordsPerSecond)),
      lag: lags.length === 0 ? undefined : sum(lags),
      restarts: sum(own.map(({ replica }) => restarts.get(replica) ?? 0)),
    };
  });
}

function stagesText(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts.size === 1 ? words[0]! : [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
