/**
 * State with one value per input partition (`@state(schema, { per: 'partition' })`): it follows its partition to whichever
 * replica reads it. Values that `get` gave may be changed in place; the next commit writes those that changed.
 */
export interface PartitionState<T> {
  /** The value of a partition that this replica reads; its schema's default where there is none yet. */
  get(partition: number): T;
  set(partition: number, value: T): void;
  /** Partitions of this replica. */
  readonly partitions: readonly number[];
}
