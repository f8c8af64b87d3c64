/** Bytes that may wait to be sent, over all producers of a connection. What is over it makes writers wait. */
export class ByteBudget {
  #used = 0;
  #room: Promise<void> | undefined;
  #resolve: () => void = () => undefined;

  constructor(private readonly limit: number) {}

  /** A promise of room where the bytes in use exceed the limit. */
  get room(): Promise<void> | undefined {
    if (this.#used <= this.limit) return undefined;
    this.#room ??= new Promise((resolve) => (this.#resolve = resolve));
    return this.#room;
  }

  add(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.limit / 2 || this.#room === undefined) return;
    this.#room = undefined;
    this.#resolve();
  }
}
