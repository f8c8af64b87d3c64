import type { FailurePolicy } from '../pipeline/index.js';
import type { HandedRecord } from './step.js';

/** A record that is not handed out any more: what becomes of it, and why. */
export interface Poison {
  readonly policy: Exclude<FailurePolicy, 'fail'>;
  readonly cause: Error;
  readonly attempts: number;
}

const keyOf = ({ port, partition, offset }: HandedRecord): string => `${port}/${partition}/${offset}`;

/**
 * What a replica remembers of failed steps while it replays: up to where to go one record at a time, how often a record was
 * tried, and which records are given up. Forgotten once a commit is past them.
 */
export class Replay {
  /** Per port and partition: positions at the failure; one record at a time up to there. */
  readonly #until = new Map<string, Map<number, number>>();
  readonly #attempts = new Map<string, number>();
  readonly #poisons = new Map<string, Poison>();

  /** @param hand told each record that is handed out in a replay */
  constructor(private readonly hand?: (record: HandedRecord) => void) {}

  get active(): boolean {
    return this.#until.size > 0;
  }

  /** Notes how far a port had come when a step failed. */
  begin(port: string, positions: ReadonlyMap<number, number>): void {
    const until = this.#until.get(port) ?? new Map<number, number>();
    for (const [partition, offset] of positions) until.set(partition, Math.max(offset, until.get(partition) ?? 0));
    if (until.size > 0) this.#until.set(port, until);
  }

  /** Whether a port is past its failing place while others are not. */
  isPast(port: string): boolean {
    return this.#until.size > 0 && !this.#until.has(port);
  }

  /** Notes a partition's position; once every port is past its failing place the replay is over. */
  reached(port: string, partition: number, position: number): void {
    const until = this.#until.get(port);
    if (until === undefined || position < (until.get(partition) ?? Infinity)) return;
    until.delete(partition);
    if (until.size === 0) this.#until.delete(port);
  }

  /** A record is about to be handed out in a replay. */
  hands(record: HandedRecord): void {
    this.hand?.(record);
  }

  /** Counts a failed try of a record and returns how many there were. */
  tried(record: HandedRecord): number {
    const attempts = (this.#attempts.get(keyOf(record)) ?? 0) + 1;
    this.#attempts.set(keyOf(record), attempts);
    return attempts;
  }

  giveUp(record: HandedRecord, poison: Poison): void {
    this.#poisons.set(keyOf(record), poison);
  }

  poisonAt(port: string, partition: number, offset: number): Poison | undefined {
    return this.#poisons.size === 0 ? undefined : this.#poisons.get(keyOf({ port, partition, offset }));
  }

  /** A commit is past every failing place: nothing of it will come again. */
  forget(): void {
    if (this.active) return;
    if (this.#attempts.size > 0) this.#attempts.clear();
    if (this.#poisons.size > 0) this.#poisons.clear();
  }
}
