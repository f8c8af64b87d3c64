import { randomUUID } from 'node:crypto';
import type { Inquiry, Quote, Wish } from './records.js';

/** Where HTTP and the pipeline meet: a bounded number of clients who wait for their answer. */
export class Desk {
  /** Called when there is something to {@link take}. */
  onInquiry = (): void => {};
  readonly #waiting = new Map<string, (quote: Quote) => void>();
  #fresh: Inquiry[] = [];
  #isClosed = false;

  /** @param limit clients who wait at most, whether the pipeline has their inquiry already or not */
  constructor(readonly limit: number) {}

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves with the quote; `undefined` where no more clients can wait. */
  ask(wish: Wish): Promise<Quote> | undefined {
    if (this.#isClosed || this.#waiting.size >= this.limit) return undefined;
    const inquiry = { ...wish, id: randomUUID() };
    return new Promise((resolve) => {
      this.#waiting.set(inquiry.id, resolve);
      this.#fresh.push(inquiry);
      this.onInquiry();
    });
  }

  /** The inquiries that came since the last call. */
  take(): readonly Inquiry[] {
    return this.#fresh.splice(0);
  }

  /** A quote that nobody waits for is one of an earlier process. */
  answer(quote: Quote): void {
    this.#waiting.get(quote.id)?.(quote);
    this.#waiting.delete(quote.id);
  }

  /** From here on nobody is let in. */
  close(): void {
    this.#isClosed = true;
    this.onInquiry();
  }
}
