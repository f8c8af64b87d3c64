/** What was asked of a replica: nothing, to drain, or to stop at once. */
export interface StopRequest {
  kind: 'none' | 'drain' | 'stop';
}
