import { pause } from './pause.js';

/** Ms from the end of one round to the start of the next: whoever repeats in a tight loop is slowed down to this. */
const GAP = 50;

/** Joins what is asked for together, or while a round is under way, into one round of work. */
export class Coalesced {
  private readonly wanted = new Set<string>();
  private next: Promise<void> | undefined;
  private running: Promise<unknown> = Promise.resolve();
  private endedAt = -Infinity;

  constructor(
    private readonly work: (items: readonly string[]) => Promise<unknown>,
    private readonly closed: AbortSignal,
  ) {}

  /** Resolves once a round that began after the call is over. */
  add(items: readonly string[]): Promise<void> {
    for (const item of items) this.wanted.add(item);
    return (this.next ??= this.round());
  }

  private async round(): Promise<void> {
    try {
      await this.running;
      const wait = this.endedAt + GAP - performance.now();
      if (wait > 0) await pause(wait, this.closed);
    } finally {
      this.next = undefined;
    }
    const items = [...this.wanted];
    this.wanted.clear();
    const work = this.work(items).finally(() => (this.endedAt = performance.now()));
    this.running = work.catch(() => {}); // told to those who wait for this round
    await work;
  }
}
