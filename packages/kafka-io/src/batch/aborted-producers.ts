/** A transaction that was aborted, as a Fetch response lists it. */
export interface AbortedTransaction {
  readonly producerId: number;
  /** Of its first record in the partition. */
  readonly firstOffset: number;
}

/** Whose records belong to an aborted transaction, as one goes through the batches of a partition in their order. */
export class AbortedProducers {
  /** The latest first, so that the next one is at the end. */
  readonly #toCome: AbortedTransaction[];
  readonly #open = new Set<number>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#toCome = [...transactions].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Goes on to the batch that ends at this offset. */
  advance(lastOffset: number): void {
    for (let next = this.#toCome.at(-1); next !== undefined && next.firstOffset <= lastOffset; next = this.#toCome.at(-1)) {
      this.#open.add(next.producerId);
      this.#toCome.pop();
    }
  }

  has(producerId: number): boolean {
    return this.#open.has(producerId);
  }

  /** An abort marker was met: what the producer wrote after it belongs to another transaction. */
  end(producerId: number): void {
    this.#open.delete(producerId);
  }
}
