/** What a peer's program is told to do in a round. */
export interface Job {
  readonly bootstrap: string;
  readonly records: number;
  /** The topic to read. */
  readonly from?: string | undefined;
  /** The topic to write. */
  readonly to?: string | undefined;
  /** A consumer group that no earlier round had. */
  readonly group: string;
}
