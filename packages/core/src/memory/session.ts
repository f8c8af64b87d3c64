import type { ChannelReader, ChannelWriter, CommitResult, Offsets, Owner, Positions, ReaderOptions, Session, StateChanges } from '../channel/spi.js';
import { MillraceError } from '../error/index.js';
import type { MemoryChannel } from './channel.js';
import type { MemoryLocation } from './location.js';
import { MemoryReader, type ReaderHost } from './reader.js';
import { weightOf, type Records } from './segment.js';
import { MemoryWriter, type Announcement, type WriterHost } from './writer.js';

/** Records by reference that one step may write, and bytes with `wire`, unless the owner says otherwise. */
const STEP_RECORDS = 100_000;
const STEP_BYTES = 64 * 1024 * 1024;

/** What a session needs of its space. */
export interface SessionStore {
  /** @throws MillraceError `MILLRACE_CHANNEL_UNKNOWN` */
  channel(name: string): MemoryChannel;
  /** The stored state of an owner, to be changed. */
  stateOf(owner: string): Map<string, Uint8Array>;
}

export class MemorySession implements Session, ReaderHost, WriterHost {
  readonly owner: string;
  readonly exactlyOnce: boolean;
  readonly wire: boolean;
  readonly recordBytes: number;
  readonly #state: Map<string, Uint8Array>;
  readonly #readers: MemoryReader[] = [];
  readonly #writers: MemoryWriter[] = [];
  readonly #stepLimit: number;
  #staged = 0;
  #urgent = false;
  #failure: Error | undefined;
  #closed = false;

  constructor(
    private readonly store: SessionStore,
    private readonly location: MemoryLocation,
    private readonly identity: Owner,
    readonly incarnation: number,
    private readonly onClose: (session: MemorySession) => void,
  ) {
    this.owner = identity.id;
    this.exactlyOnce = identity.delivery === 'exactly-once';
    this.wire = location.wire;
    this.recordBytes = location.bound.bytes;
    this.#state = new Map(store.stateOf(identity.id));
    this.#stepLimit = identity.maxStepBytes ?? (location.wire ? STEP_BYTES : STEP_RECORDS);
  }

  get state(): ReadonlyMap<string, Uint8Array> {
    return this.#state;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get wantsCommit(): boolean {
    if (this.#failure !== undefined || this.#closed) return false;
    if (this.#urgent) return true;
    for (const reader of this.#readers) if (reader.standsInTheWay) return true;
    return false;
  }

  async reader(channel: string, options: ReaderOptions): Promise<ChannelReader> {
    this.check();
    const reader = new MemoryReader(this, this.store.channel(channel), options);
    this.#readers.push(reader);
    return reader;
  }

  async writer(channel: string): Promise<ChannelWriter> {
    this.check();
    const writer = new MemoryWriter(this, this.store.channel(channel));
    this.#writers.push(writer);
    return writer;
  }

  commit(positions: Positions, stateChanges?: StateChanges): CommitResult {
    this.check();
    for (const [reader, offsets] of positions) this.#own(reader).verify(offsets);
    for (const writer of this.#writers) writer.verify();
    // Nothing below can fail: all of it happens, and nobody is told before.
    const ends = new Map<ChannelWriter, Offsets>();
    const announcements: Announcement[] = [];
    for (const writer of this.#writers) {
      writer.commit(announcements);
      const written = writer.takeEnds();
      if (written !== undefined) ends.set(writer, written);
    }
    for (const [reader, offsets] of positions) this.#own(reader).move(offsets);
    if (stateChanges !== undefined) this.#change(stateChanges);
    this.#staged = 0;
    this.#urgent = false;
    for (const reader of this.#readers) reader.settle();
    for (const announce of announcements) announce();
    return { ends };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#end(closed(`session ${this.incarnation} of ${this.owner}`));
    this.onClose(this);
  }

  /** Ends the session from outside: by a newer one of its owner, or with its space. */
  fail(error: Error): void {
    if (this.#closed || this.#failure !== undefined) return;
    this.#failure = error;
    this.#end(error);
    this.wake();
  }

  /** @throws MillraceError `MILLRACE_FENCED`, `MILLRACE_SESSION_CLOSED` */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw closed(`session ${this.incarnation} of ${this.owner}`);
  }

  wake(): void {
    this.identity.wake();
  }

  urge(): void {
    if (this.#urgent) return;
    this.#urgent = true;
    this.wake();
  }

  sizeOf(batch: Records): number {
    return this.location.wire ? weightOf(batch) : batch.count;
  }

  checkStep(size: number, channel: string): void {
    if (size <= this.#stepLimit) return;
    const unit = this.location.wire ? 'bytes' : 'records';
    throw new MillraceError('MILLRACE_STEP_TOO_LARGE', `${size} ${unit} written in one step exceed the limit of ${this.#stepLimit}; write less in a step, wait for what send returns, or raise maxStepBytes`, { channel });
  }

  stage(size: number, channel: string): void {
    this.checkStep(this.#staged + size, channel);
    this.#staged += size;
    if (2 * this.#staged > this.#stepLimit) this.urge();
  }

  reads(channel: MemoryChannel): boolean {
    return this.#readers.some((reader) => reader.source === channel);
  }

  #own(reader: ChannelReader): MemoryReader {
    if (reader instanceof MemoryReader && reader.host === this) return reader;
    throw new MillraceError('MILLRACE_CHANNEL_MISMATCH', `positions of a reader of channel ${reader.channel} that does not belong to this session of ${this.owner}`, { channel: reader.channel });
  }

  #change(changes: StateChanges): void {
    const stored = this.store.stateOf(this.owner);
    for (const [key, value] of changes) {
      if (value === undefined) {
        stored.delete(key);
        this.#state.delete(key);
      } else {
        const copy = new Uint8Array(value);
        stored.set(key, copy);
        this.#state.set(key, copy);
      }
    }
  }

  #end(reason: Error): void {
    for (const writer of this.#writers) {
      writer.target.giveUp(writer, reason);
      writer.drop();
    }
    for (const reader of this.#readers) reader.close();
  }
}

/** The error of what is used after it was closed. */
export function closed(what: string): MillraceError {
  return new MillraceError('MILLRACE_SESSION_CLOSED', `${what} is closed`);
}
