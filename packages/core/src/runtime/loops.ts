import { toError } from '../error/index.js';
import { Wake, type Signal } from './signal.js';
import type { StepScope } from './step.js';

type Turn = IteratorResult<readonly unknown[], undefined>;

const END: Turn = Object.freeze({ done: true, value: undefined });

/** The port of a loop, as far as loops need it. */
export interface LoopPort {
  readonly name: string;
  readonly ended: boolean;
  poll(): boolean;
  retrieve(): readonly unknown[];
  checkEnd(): boolean;
}

/** A loop that has begun and not ended. */
interface Loop {
  readonly port: LoopPort;
  /** Loops that had a batch in hand when this one began. As long as one of them has, this one may run in its body. */
  readonly outer: readonly Loop[];
  isNew: boolean;
  /** Set while the loop waits for its next batch. */
  parked: { readonly resolve: (turn: Turn) => void; readonly reject: (error: Error) => void } | undefined;
}

/**
 * The `for await` loops of one operator instance. A loop that asks for its next batch is through with the one before; when all
 * of them wait like that, everything handed out is processed, and the runtime may commit or tick. While a commit is due nobody
 * gets a batch, so that this moment comes; except a loop in the body of another one, which would wait for it for ever.
 */
export class Loops {
  /** True while a commit or tick is due, a replay goes on or the thread has gone on for long. Set by the run loop. */
  mustPark: () => boolean = () => true;
  /** Called when a loop waits for its next batch: somebody has to give it. Set by who runs the step. */
  onPark: () => void = () => {};
  readonly #step: StepScope;
  readonly #signal: Signal;
  readonly #loops = new Set<Loop>();
  #parked = 0;
  #stopped = false;
  #wasLeft = false;
  #abandoned: Error | undefined;

  constructor(step: StepScope, signal: Signal) {
    this.#step = step;
    this.#signal = signal;
  }

  /** True while there are loops that have begun and not ended. */
  get areActive(): boolean {
    return this.#loops.size > 0;
  }

  /** True when every loop waits for its next batch. */
  get areParked(): boolean {
    return this.#loops.size > 0 && this.#parked === this.#loops.size;
  }

  /** True where a loop that waits has its next batch, or its end, to go on with. */
  get haveTurns(): boolean {
    for (const { port, parked } of this.#loops) if (parked !== undefined && (this.#stopped || port.ended || port.poll())) return true;
    return false;
  }

  /** True once {@link stop} was called. */
  get wereStopped(): boolean {
    return this.#stopped;
  }

  iterate(port: LoopPort): AsyncIterator<readonly unknown[], undefined> {
    let loop: Loop | undefined;
    let ended = false;
    return {
      next: () => {
        if (this.#abandoned !== undefined) return Promise.reject(this.#abandoned);
        if (ended || (loop !== undefined && !this.#loops.has(loop))) return Promise.resolve(END);
        try {
          loop ??= this.#begin(port);
          return this.#next(loop);
        } catch (error) {
          ended = true;
          if (loop !== undefined) this.#end(loop);
          return Promise.reject(toError(error, port.name));
        }
      },
      return: () => {
        ended = true;
        // Not released: it is left with its batch in hand, by a break or by a throw that has yet to come out of onRunning.
        if (loop !== undefined && this.#end(loop)) this.#wasLeft = true;
        return Promise.resolve(END);
      },
    };
  }

  /** Whether a loop was left since the last call: if by an error, that is on its way and must arrive before a boundary. */
  takeLeft(): boolean {
    const wasLeft = this.#wasLeft;
    this.#wasLeft = false;
    return wasLeft;
  }

  /** Ends every loop: those that wait now, the others at their next turn. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#endParked();
  }

  /**
   * Gives waiting loops their next batch, or their end.
   * @param inner only loops that may run in the body of another one
   * @param one only to one of them: during a replay a step has one record
   * @returns whether any went on
   */
  deliver({ inner, one }: { readonly inner: boolean; readonly one: boolean }): boolean {
    let delivered = false;
    for (const loop of [...this.#loops]) {
      const { parked } = loop;
      const isInner = loop.outer.some((outer) => this.#loops.has(outer) && outer.parked === undefined);
      if (parked === undefined || (inner && !isInner)) continue;
      let turn: Turn | undefined;
      try {
        turn = isInner ? this.#beside(loop) : this.#turnOf(loop.port);
        if (turn === undefined && loop.port.checkEnd()) turn = END;
      } catch (error) {
        this.#end(loop);
        parked.reject(toError(error, loop.port.name));
        return true;
      }
      if (turn === undefined) continue;
      if (turn.done === true) this.#end(loop);
      else this.#unpark(loop);
      parked.resolve(turn);
      delivered = true;
      if (one) break;
    }
    return delivered;
  }

  /**
   * The step is over, and so are loops that nobody waits for any more.
   * @returns the port of a loop that has a batch in hand: it would be committed as processed
   */
  finish(): string | undefined {
    this.#endParked();
    for (const { port } of this.#loops) return port.name;
    return undefined;
  }

  /** The instance has failed: every loop ends with the error. */
  abandon(error: Error): void {
    this.#abandoned ??= error;
    for (const loop of [...this.#loops]) {
      this.#end(loop);
      loop.parked?.reject(error);
    }
  }

  #begin(port: LoopPort): Loop {
    for (const loop of this.#loops) if (loop.port === port) throw new Error(`two loops read ${port.name} at once; use one`);
    const loop: Loop = { port, outer: [...this.#loops].filter(({ parked }) => parked === undefined), isNew: true, parked: undefined };
    this.#loops.add(loop);
    return loop;
  }

  #next(loop: Loop): Promise<Turn> {
    const { port } = loop;
    this.#step.release(port.name);
    // The first turn is left to the run loop, so that loops that begin together are not taken for one in the body of another.
    const turn = loop.isNew || this.mustPark() ? undefined : this.#turnOf(port);
    loop.isNew = false;
    if (turn !== undefined) {
      if (turn.done === true) this.#end(loop);
      return Promise.resolve(turn);
    }
    // To the end of the queue: whoever waits longest comes first.
    this.#loops.delete(loop);
    this.#loops.add(loop);
    return new Promise((resolve, reject) => {
      loop.parked = { resolve, reject };
      this.#parked++;
      this.#signal.notify(Wake.Parked);
      this.onPark();
    });
  }

  #unpark(loop: Loop): void {
    loop.parked = undefined;
    this.#parked--;
  }

  #end(loop: Loop): boolean {
    if (!this.#loops.delete(loop)) return false;
    if (loop.parked !== undefined) this.#parked--;
    this.#signal.notify(Wake.Parked);
    return true;
  }

  #endParked(): void {
    for (const loop of [...this.#loops]) {
      if (loop.parked === undefined) continue;
      this.#end(loop);
      loop.parked.resolve(END);
    }
  }

  #turnOf(port: LoopPort): Turn | undefined {
    if (this.#stopped || port.ended) return END;
    while (port.poll()) {
      const before = this.#step.retrieved;
      const value = port.retrieve();
      if (value.length > 0) return { done: false, value };
      // All of a batch was given up: on to the next one. A replay that has its one record for this step gives none.
      if (this.#step.retrieved === before) return undefined;
    }
    return undefined;
  }

  /** A turn of an inner loop, which has its record beside the one that its outer loop holds. */
  #beside({ port }: Loop): Turn | undefined {
    const step = this.#step;
    const { retrieved } = step;
    step.retrieved = 0;
    step.isBeside = true;
    try {
      return this.#turnOf(port);
    } finally {
      step.retrieved += retrieved;
      step.isBeside = false;
    }
  }
}
