const CHUNK = 1 << 15;

/** Whole numbers from 0 on, of which mostly neighbours are there: a bit each. */
export class IndexSet {
  readonly #chunks = new Map<number, Uint32Array>();

  has(index: number): boolean {
    const chunk = this.#chunks.get(Math.floor(index / CHUNK));
    const bit = index % CHUNK;
    return chunk !== undefined && ((chunk[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  /** @returns whether it was not there */
  add(index: number): boolean {
    if (this.has(index)) return false;
    const number = Math.floor(index / CHUNK);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) this.#chunks.set(number, (chunk = new Uint32Array(CHUNK / 32)));
    const bit = index % CHUNK;
    chunk[bit >>> 5] = (chunk[bit >>> 5] ?? 0) | (1 << (bit & 31));
    return true;
  }
}
