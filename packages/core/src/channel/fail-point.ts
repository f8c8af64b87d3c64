/**
 * Places on the way of records where it matters whether a process dies there. A backend calls {@link failPoint} at those that it
 * has, so that a test of crashes can end or halt a process at one of them, and not only by chance.
 *
 * - `before-send`: records are about to leave for the store.
 * - `before-ack`: records have left, and nobody knows whether they arrived.
 * - `in-transaction`: a part of a commit is written.
 * - `after-ack`: records are stored, the commit that covers them is not.
 * - `after-commit`: a commit is stored, and its session has not told.
 * - `after-fence`: earlier sessions of the owner are fenced, and nothing was read yet.
 */
export const FAIL_POINTS = ['before-send', 'before-ack', 'in-transaction', 'after-ack', 'after-commit', 'after-fence'] as const;

/** One of {@link FAIL_POINTS}. */
export type FailPoint = (typeof FAIL_POINTS)[number];

let armed: ((point: FailPoint) => void) | undefined;

/** Called by backends once per request or commit, never per record. Does nothing unless a test armed it. */
export function failPoint(point: FailPoint): void {
  armed?.(point);
}

/** Has `reached` called at every fail point of this thread; `undefined` disarms them. For tests. @internal */
export function armFailPoints(reached: ((point: FailPoint) => void) | undefined): void {
  armed = reached;
}
