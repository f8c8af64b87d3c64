/** What a replica is about to do between two steps: a tick or step, a commit because there is nothing else to do, to sleep, to end. @internal */
export type DriverAhead = 'tick' | 'step' | 'commit' | 'sleep' | 'end';

/** What it does before that: nothing, or a tick or a commit that is not due. Afterwards it looks again what there is to do. @internal */
export type DriverMove = 'look' | 'tick' | 'commit';

/**
 * Drives a replica by hand, for tests: the run loop asks it before whatever it does between two steps. Loops of `for await` then
 * take their turns together, each of them a step. In production there is none.
 * @internal
 */
export interface ReplicaDriver {
  /** Nothing: go ahead. A promise: hold until it gives a move, and make it instead. */
  hold(ahead: DriverAhead): Promise<DriverMove> | undefined;
  /** The replica sleeps, or waits for the hook that {@link Replica.busy} names. */
  sleeps(): void;
  wakes(): void;
}
