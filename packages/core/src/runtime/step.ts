import { MillraceError, toError } from '../error/index.js';
import { Wake, type Signal } from './signal.js';

/** A record handed to an operator in the current step. @internal */
export interface HandedRecord {
  readonly port: string;
  readonly partition: number;
  readonly offset: number;
}

/** What an operator has of one port in the current step; kept over the steps, as steps are many. */
interface Hand {
  readonly port: string;
  /** Records; 0: none yet. */
  count: number;
  /** Of the first of them. */
  partition: number;
  offset: number;
  /** Its loop asked for the next batch: processed, as far as the operator's code goes. */
  isReleased: boolean;
}

/** Answer of a send that found room: one promise for all, which the runtime recognises and does not wait for. */
export const ROOM: Promise<void> = Promise.resolve();

/**
 * What happens in the current step of one operator instance: what was handed out, what was sent and is still on its way. With
 * `for await` a step is one turn of all loops.
 */
export class StepScope {
  /** True while a hook runs in which sending is part of a step. */
  active = false;
  /** What is read now goes to a loop in the body of another one, which waits for it. */
  isBeside = false;
  /** Records retrieved and sent. */
  retrieved = 0;
  sent = 0;
  /** The end of the step has to wait, or fails. */
  isUnsettled = false;
  /** Something was sent since the last commit. */
  hasSent = false;
  /** Error of a send made outside a step that nobody listened to. */
  stray: Error | undefined;
  readonly #signal: Signal;
  readonly #hands: Hand[] = [];
  readonly #sends = new Set<PendingSend>();
  readonly #failed: { readonly send: PendingSend; readonly error: Error }[] = [];
  readonly #settling: (() => void)[] = [];
  #refusal: Error | undefined;

  constructor(signal: Signal) {
    this.#signal = signal;
  }

  begin(): void {
    this.active = true;
    this.turn();
  }

  /** Notes records as sent. */
  send(count: number): void {
    this.sent += count;
    this.hasSent = true;
    // Sent outside a step: somebody must come and commit it.
    if (!this.active) this.#signal.notify(Wake.Data);
  }

  /** What was handed out is processed, a new step begins. */
  turn(): void {
    this.retrieved = 0;
    this.sent = 0;
    for (const hand of this.#hands) hand.count = 0;
  }

  /** Notes records as handed out. */
  hand(port: string, partition: number, offset: number, count: number): void {
    this.retrieved += count;
    const hand = this.#handOf(port);
    if (hand.count === 0 || hand.isReleased) {
      hand.partition = partition;
      hand.offset = offset;
      hand.count = count;
      hand.isReleased = false;
    } else {
      hand.count += count;
    }
  }

  /** A loop over this port is through with its batch. */
  release(port: string): void {
    this.#handOf(port).isReleased = true;
  }

  /** The record in hand where there is exactly one. */
  get single(): HandedRecord | undefined {
    const [hand, other] = this.#inHand();
    return other === undefined && hand?.count === 1 ? { port: hand.port, partition: hand.partition, offset: hand.offset } : undefined;
  }

  /** Ports with records in hand. */
  get ports(): readonly string[] {
    return this.#inHand().map(({ port }) => port);
  }

  /** True while something was sent that there is no room for. */
  get waitsForRoom(): boolean {
    return this.#sends.size > 0;
  }

  /** Makes the step fail with an error that the operator met too, whether it catches it or not. */
  refuse(error: Error): void {
    this.#refusal ??= error;
    this.isUnsettled = true;
  }

  /**
   * Follows a send that has to wait, so that the step does not end before it, whether the operator awaits it or not.
   * @param onOver called when it is over, well or not
   */
  track(wait: Promise<void>, onOver?: () => void): Promise<void> {
    const isOfStep = this.active;
    const send: PendingSend = PendingSend.of(wait, (error) => {
      if (error !== undefined) {
        if (isOfStep) this.#failed.push({ send, error });
        else if (!send.isTaken) this.#strayed(error);
      }
      onOver?.();
      this.#sends.delete(send);
      if (this.#sends.size > 0) return;
      this.#look();
      for (const settle of this.#settling.splice(0)) settle();
    });
    this.#sends.add(send);
    this.isUnsettled = true;
    return send;
  }

  /** Waits for sends that the operator did not await. @throws the first error that nobody took */
  async settle(): Promise<void> {
    while (this.#sends.size > 0) await new Promise<void>((resolve) => this.#settling.push(resolve));
    const refusal = this.#refusal;
    this.#refusal = undefined;
    // Who awaits a send has its error already; one that nobody took must not get lost.
    const lost = this.#failed.splice(0).find(({ send }) => !send.isTaken);
    this.#look();
    if (refusal !== undefined) throw refusal;
    if (lost !== undefined) throw lost.error;
  }

  #look(): void {
    this.isUnsettled = this.#sends.size > 0 || this.#failed.length > 0 || this.#refusal !== undefined;
  }

  /** Between two turns, when every hand is released, those of the turn that ends. */
  #inHand(): readonly Hand[] {
    const hands = this.#hands.filter(({ count }) => count > 0);
    const held = hands.filter(({ isReleased }) => !isReleased);
    return held.length > 0 ? held : hands;
  }

  /** The hand of a port, in the order of their first. An operator has few ports. */
  #handOf(port: string): Hand {
    for (const hand of this.#hands) if (hand.port === port) return hand;
    const hand: Hand = { port, count: 0, partition: 0, offset: 0, isReleased: false };
    this.#hands.push(hand);
    return hand;
  }

  #strayed(error: Error): void {
    this.stray ??= error;
    this.#signal.notify(Wake.Data);
  }
}

/** A send's promise that knows whether somebody listens to it. */
class PendingSend extends Promise<void> {
  isTaken = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** @param onOver called when it is over; with the error once whoever is there has heard of it */
  static of(wait: Promise<void>, onOver: (error?: Error) => void): PendingSend {
    const send: PendingSend = new PendingSend((resolve, reject) => {
      wait.then(
        () => {
          onOver();
          resolve();
        },
        (error: unknown) => {
          reject(error);
          send.#watch(() => onOver(toError(error, 'send')));
        },
      );
    });
    return send;
  }

  override then<A = void, B = never>(fulfilled?: ((value: void) => A | PromiseLike<A>) | null, rejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<A | B> {
    this.isTaken = true;
    return super.then(fulfilled, rejected);
  }

  /** Listens without taking. */
  #watch(rejected: () => void): void {
    void super.then(undefined, rejected);
  }
}

/** The error of a send that is not part of a step, where a commit could not say what it belongs to. */
export function sendOutsideStep(operator: string, port: string): MillraceError {
  return new MillraceError('MILLRACE_SEND_OUTSIDE_STEP', `${operator} sent to ${port} outside a step; under exactly-once keep the records and send them in the next step (ask for one with this.wake())`, { operator, port });
}
