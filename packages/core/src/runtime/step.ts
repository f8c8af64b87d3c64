import { MillraceError, toError } from '../error/index.js';

/** A record handed to an operator in the current step. */
export interface HandedRecord {
  readonly port: string;
  readonly partition: number;
  readonly offset: number;
}

/** Answer of a send that found room: one promise for all, which the runtime recognises and does not wait for. */
export const ROOM: Promise<void> = Promise.resolve();

/** What happens in the current step of one replica: what was handed out, what was sent and is still on its way. */
export class StepScope {
  /** True while a hook runs in which sending is part of a step. */
  active = false;
  /** Records retrieved, batches sent: whether the step made progress. */
  retrieved = 0;
  sent = 0;
  /** Records in the operator's hands, by port; with loops what each loop's current turn holds. */
  readonly #hands = new Map<string, { count: number; first: HandedRecord }>();
  readonly #sends = new Set<PendingSend>();
  #failure: Error | undefined;

  begin(): void {
    this.active = true;
    this.turn();
  }

  /** All loops are between two batches: what they had is processed, a new step begins. */
  turn(): void {
    this.retrieved = 0;
    this.sent = 0;
    if (this.#hands.size > 0) this.#hands.clear();
  }

  /** Notes records as handed out. */
  hand(port: string, partition: number, offset: number, count: number): void {
    this.retrieved += count;
    const hand = this.#hands.get(port);
    if (hand === undefined) this.#hands.set(port, { count, first: { port, partition, offset } });
    else hand.count += count;
  }

  /** A loop over this port is through with its batch. */
  release(port: string): void {
    this.#hands.delete(port);
  }

  get inHand(): number {
    let count = 0;
    for (const hand of this.#hands.values()) count += hand.count;
    return count;
  }

  /** The record in hand where there is exactly one. */
  get single(): HandedRecord | undefined {
    return this.inHand === 1 ? [...this.#hands.values()].find((hand) => hand.count === 1)?.first : undefined;
  }

  /** Ports with records in hand. */
  get ports(): readonly string[] {
    return [...this.#hands.keys()];
  }

  get hasPendingSends(): boolean {
    return this.#sends.size > 0 || this.#failure !== undefined;
  }

  /** Follows a send that has to wait, so that the step does not end before it, whether the operator awaits it or not. */
  track(wait: Promise<void>): Promise<void> {
    const send = PendingSend.from(wait);
    this.#sends.add(send);
    Promise.prototype.then.call(
      send,
      () => this.#sends.delete(send),
      (error: unknown) => {
        this.#sends.delete(send);
        // Who awaits it has the error already; an error that nobody took must not get lost.
        if (!send.taken) this.#failure ??= toError(error, 'send');
      },
    );
    return send;
  }

  /** Waits for sends that the operator did not await. @throws the first error that nobody took */
  async settle(): Promise<void> {
    while (this.#sends.size > 0) await Promise.allSettled([...this.#sends].map((send) => Promise.prototype.then.call(send, undefined, undefined)));
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

/** A send's promise that knows whether somebody listens to it. */
class PendingSend extends Promise<void> {
  taken = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static from(wait: Promise<void>): PendingSend {
    return new PendingSend((resolve, reject) => {
      wait.then(resolve, reject);
    });
  }

  override then<A = void, B = never>(fulfilled?: ((value: void) => A | PromiseLike<A>) | null, rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    this.taken = true;
    return super.then(fulfilled, rejected);
  }
}

/** The error of a send that is not part of a step, where a commit could not say what it belongs to. */
export function sendOutsideStep(operator: string, port: string): MillraceError {
  return new MillraceError('MILLRACE_SEND_OUTSIDE_STEP', `${operator} sent to ${port} outside a step; under exactly-once keep the records and send them in the next step (ask for one with this.wake())`, { operator, port });
}
