/**
 * After so many records others of the thread get their turn: they read what was sent while the processor's cache has it. Half of what a channel
 * in memory holds, whose writer would else wait in every turn. Each step counts as one more, so that a turn of single records is no longer.
 */
const TURN_RECORDS = 2048;
/** How often a replica sleeps as soon as it is out of work, before it lets the event loop turn first. */
const EAGER = 64;
const EAGER_BESIDE_A_FAST_WRITER = 2;
/** Records that are a batch: worth a commit and a sleep, and a sign that waiting for them was worth it. */
const WORTHWHILE = 64;

/**
 * Makes batches out of records that come one by one. A replica that committed and slept after each record of a busy writer would
 * spend its time on that, so after a while it lets the others of the thread go on until the event loop turns, and then reads all
 * that has come. With few records it is as prompt as can be.
 */
export class Batching {
  #eager = EAGER;
  #isRested = false;
  #wasFew = false;
  #sinceTurn = 0;
  /** Whether others of the thread had their turn since the last step that read. */
  hasYielded = true;

  /** Whether what was sent since the last turn is enough for the others of the thread to go on. */
  isTurnOver(): boolean {
    if (this.#sinceTurn < TURN_RECORDS) return false;
    this.#sinceTurn = 0;
    return true;
  }

  /** Out of work: whether to let the others of the thread go on, since they may have more. Once after each step that read. */
  mustYield(): boolean {
    if (this.hasYielded) return false;
    this.hasYielded = true;
    return true;
  }

  /** Out of work: whether to let the event loop turn before committing and sleeping. To be asked once for each such moment. */
  mustRest(): boolean {
    if (this.#isRested || !this.#wasFew) return false;
    return --this.#eager < 0;
  }

  /** The event loop has turned. */
  rested(): void {
    this.#isRested = true;
    this.#eager = EAGER;
  }

  /** A step read and sent so many records. */
  took(read: number, sent: number): void {
    if (this.#isRested && read >= WORTHWHILE) this.#eager = EAGER_BESIDE_A_FAST_WRITER;
    this.#isRested = false;
    this.#wasFew = read < WORTHWHILE;
    this.hasYielded = false;
    if (sent > 0) this.#sinceTurn += sent + 1;
  }
}
