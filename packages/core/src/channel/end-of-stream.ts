import { MillraceError } from '../error/index.js';
import type { ChannelReader, Offsets } from './spi.js';
import type { StatusBoard, StatusFact } from './status-board.js';

/** What is known of a channel's end, from where one reader stands. */
export type StreamEnd = 'open' | 'done' | 'drained';

export interface EndOfStreamOptions {
  readonly channel: string;
  /** Every replica that may write into the channel by the plan, as owner names. A rescale may add others, which the board tells of. */
  readonly writers: readonly string[];
  readonly onWriterDeath: 'wait' | 'fail' | 'finish';
  /** Called when an asked end has arrived. */
  readonly wake: () => void;
  /** Told the writers that give no sign of life, whenever they are others than before. */
  readonly degraded?: (writers: readonly string[]) => void;
}

/**
 * Decides when a reader has read everything: every writer of this generation has closed, and the reader's positions reached the
 * writers' ends. The channel's own ends are asked for once more after the last one closed, since records of earlier starts lie
 * there too, which no writer of this one knows of.
 */
export class EndOfStream {
  readonly #reader: ChannelReader;
  readonly #board: StatusBoard;
  readonly #options: EndOfStreamOptions;
  #writers: readonly string[];
  /** The writer that was open at the last look: the first to look at again. */
  #cursor = 0;
  #dead = '';
  #asked: { ends: Offsets | undefined; failure: unknown } | undefined;

  constructor(reader: ChannelReader, board: StatusBoard, options: EndOfStreamOptions) {
    this.#reader = reader;
    this.#board = board;
    this.#options = options;
    this.#writers = options.writers;
    for (const status of board.endsOf(options.channel, 'writer')) this.hear(status);
  }

  /** Takes note of a writer. */
  hear({ owner }: StatusFact): void {
    if (!this.#writers.includes(owner)) this.#writers = [...this.#writers, owner];
  }

  /** How many of the expected writers have shown up. */
  writersSeen(): number {
    const { channel } = this.#options;
    return this.#writers.reduce((seen, owner) => seen + (this.#board.get(channel, owner, 'writer') ? 1 : 0), 0);
  }

  /** How many writers there are to be. */
  get expected(): number {
    return this.#writers.length;
  }

  /** Reports the writers that are neither closed nor heard of any more, where they changed. */
  lookForDead(): void {
    const { channel, degraded } = this.#options;
    const dead = this.#writers.filter((owner) => {
      const status = this.#board.get(channel, owner, 'writer');
      return status !== undefined && status.status !== 'Closed' && !this.#board.isAlive(status);
    });
    if (dead.join() === this.#dead) return;
    this.#dead = dead.join();
    degraded?.(dead);
  }

  /** Writers that have not closed. */
  openWriters(): readonly string[] {
    return this.#writers.filter((owner) => this.#board.get(this.#options.channel, owner, 'writer')?.status !== 'Closed');
  }

  /**
   * @param position next offset to process, by partition
   * @throws MillraceError `MILLRACE_PEER_DEAD` where a writer died and the policy is `fail`
   */
  check(position: (partition: number) => number): StreamEnd {
    const { channel } = this.#options;
    const writers = this.#writers;
    for (let i = 0; i < writers.length; i++, this.#cursor = (this.#cursor + 1) % writers.length) {
      if (this.#isFinished(this.#board.get(channel, writers[this.#cursor]!, 'writer'))) continue;
      this.#asked = undefined;
      return 'open';
    }
    this.#asked ??= this.#ask();
    const { failure } = this.#asked;
    if (MillraceError.is(failure)) throw failure;
    if (failure !== undefined) throw new MillraceError('MILLRACE_CHANNEL_UNKNOWN', `the ends of channel ${channel} cannot be read`, { channel, cause: failure });
    const ends = this.#asked.ends;
    if (ends === undefined) return 'open';
    let reason: StreamEnd = 'done';
    for (const [partition, end] of ends) if (position(partition) < end) return 'open';
    for (const owner of writers) {
      const status = this.#board.get(channel, owner, 'writer');
      if (status?.reason === 'drained') reason = 'drained';
      for (const [partition, end] of status?.ends ?? []) if (ends.has(partition) && position(partition) < end) return 'open';
    }
    return reason;
  }

  #isFinished(status: StatusFact | undefined): boolean {
    if (status === undefined) return false;
    if (status.status === 'Closed') return true;
    if (this.#board.isAlive(status)) return false;
    const { channel, onWriterDeath } = this.#options;
    if (onWriterDeath === 'fail') throw new MillraceError('MILLRACE_PEER_DEAD', `writer ${status.owner} of channel ${channel} gives no sign of life`, { channel, operator: status.owner, port: status.port });
    return onWriterDeath === 'finish';
  }

  #ask(): { ends: Offsets | undefined; failure: unknown } {
    const asked: { ends: Offsets | undefined; failure: unknown } = { ends: undefined, failure: undefined };
    this.#reader.endOffsets().then(
      (ends) => (asked.ends = ends),
      (error: unknown) => (asked.failure = error ?? new Error('unknown')),
    ).then(this.#options.wake, this.#options.wake);
    return asked;
  }
}
