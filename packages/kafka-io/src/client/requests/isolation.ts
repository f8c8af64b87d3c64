/** Which records a reader sees: all, or those of decided and not aborted transactions. */
export type Isolation = 'read_uncommitted' | 'read_committed';

export function isolationLevel(isolation: Isolation): number {
  return isolation === 'read_committed' ? 1 : 0;
}
