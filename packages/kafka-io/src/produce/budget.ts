import { BatchBuilder } from '../batch/index.js';

/**
 * Memory for batches, over all producers of a connection: bytes that may wait to be sent, what is over them makes writers wait; and
 * builders that are used again, of no more bytes than that.
 */
export class ByteBudget {
  readonly #spare: BatchBuilder[] = [];
  #used = 0;
  #room: Promise<void> | undefined;
  #resolve: () => void = () => undefined;

  constructor(private readonly limit: number) {}

  /** Bytes that wait to be sent, or to be acknowledged. */
  get used(): number {
    return this.#used;
  }

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

  /** An empty builder of batches of up to so many bytes. */
  builder(maxBytes: number): BatchBuilder {
    return this.#spare.at(-1)?.maxBytes === maxBytes ? this.#spare.pop()! : new BatchBuilder(maxBytes);
  }

  /** Takes a builder back that nobody uses any more. Its bytes were given back before. */
  reuse(builder: BatchBuilder): void {
    if ((this.#spare.length + 1) * builder.maxBytes > this.limit) return;
    builder.reset();
    this.#spare.push(builder);
  }

  /** Lets go of the builders that it keeps, once no socket has anything of theirs to send. */
  discard(): void {
    for (const builder of this.#spare.splice(0)) builder.discard();
  }
}
