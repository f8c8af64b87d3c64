/** The source is done. Nothing may follow it. */
export const EOF: unique symbol = Symbol.for('@millrace/testing/eof');
/**
 * The source throws, as a crash would make it end: what it sent since the last commit is not committed, and its run fails. Once
 * for each replica and mark: the next start of the same class in this process passes over it.
 */
export const ABORT: unique symbol = Symbol.for('@millrace/testing/abort');
/** The source sends nothing for one call: it commits, and goes on after its `idle` time. */
export const PAUSE: unique symbol = Symbol.for('@millrace/testing/pause');

/** A place in a script where a source waits until it is told to go on: `const pause = new Pause()`. */
export class Pause {
  /** Resolves once a source stands here and has committed what it sent before. */
  readonly reached: Promise<void>;
  /** Resolves once it was told to go on. */
  readonly resumed: Promise<void>;
  #arrive: () => void = () => undefined;
  #resume: () => void = () => undefined;
  #isOver = false;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#arrive = resolve;
    });
    this.resumed = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  /** True once it was told to go on. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Lets the source go on: now, or as soon as it gets here. */
  resume(): void {
    this.#isOver = true;
    this.#resume();
  }

  /** Called by the source that stands here. */
  arrive(): void {
    this.#arrive();
  }
}

/** A record to send, or a mark. */
export type ScriptItem<T> = T | Pause | typeof EOF | typeof ABORT | typeof PAUSE;

export function isMark(item: unknown): item is Pause | typeof EOF | typeof ABORT | typeof PAUSE {
  return item instanceof Pause || item === EOF || item === ABORT || item === PAUSE;
}
